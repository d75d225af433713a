"""Cutting a snapshot out of a graph."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from k3m_kg.errors import SnapshotError
from k3m_kg.files import put_folder, staging_folder, write_errors, write_text
from k3m_kg.progress import StageProgress
from k3m_kg.snapshot import layout
from k3m_kg.snapshot.columns import (
    LeftOut,
    SnapshotColumns,
    SubjectStream,
    offsets,
    read_columns,
    whole_products,
    write_texts,
)
from k3m_kg.snapshot.examined import remember, state_of
from k3m_kg.snapshot.hashing import hashes_of
from k3m_kg.snapshot.holdout import (
    HELD_FOR_TEST,
    HELD_FOR_VALIDATION,
    KNOWN,
    TripleBatch,
    hold_out,
    hold_out_links,
    triple_hashes,
)
from k3m_kg.snapshot.layout import ARRAYS, LINK_ARRAYS, REJECTED_ARRAYS, SPLITS
from k3m_kg.snapshot.pictures import write_thumbnails
from k3m_kg.snapshot.read import Snapshot
from k3m_kg.snapshot.settings import SnapshotSettings
from k3m_kg.snapshot.split import TRAIN, Bond, Split, group_keys, grouped_split, split_from_file


@dataclass(frozen=True, slots=True)
class BuiltSnapshot:
    """What a build came to.

    Attributes:
        snapshot: opened.
        written: False where the same content was there already and nothing was rewritten.
        notes: what was left out or is worth knowing: `message`, `count`, and perhaps `products`.
    """

    snapshot: Snapshot
    written: bool
    notes: list[dict[str, Any]]


def build_snapshot(
    store: SubjectStream,
    out: Path,
    settings: SnapshotSettings | None = None,
    *,
    progress: StageProgress | None = None,
) -> BuiltSnapshot:
    """Cut the graph in `store` into a new snapshot in the folder of snapshots `out`.

    All or nothing: the snapshot appears as `out/<first 16 hex digits of its id>` when it is
    whole and on the disk, and then `out/latest` names it. A build that dies at any moment leaves
    the snapshots that were there. The same graph and settings give the same bytes and so the
    same name, in whatever order the catalog was ingested; what is there already and whole is
    not written again. Pictures that are gone or no longer decode, and triples to products that the
    graph lacks, are left out and noted.

    Raises:
        SnapshotError: the graph holds no products, the split file does not fit it, or `out`
            cannot be written.
    """
    settings = settings or SnapshotSettings()
    with write_errors(out, SnapshotError):
        out.mkdir(parents=True, exist_ok=True)
        with staging_folder(out) as stage:
            folder = stage / "new"
            folder.mkdir()
            manifest = _write_content(store, folder, settings, progress)
            layout.write_manifest(folder, manifest)
            if progress:
                progress("disk", 0, None)
            name = layout.folder_name(manifest["id"])
            written = _publish(folder, out / name)
            write_text(out / layout.LATEST, name + "\n", named=False)
            if written:  # what this process has made and hashed needs no examination
                files = layout.files_of(out / name, manifest["format"])
                remember(state_of(files), layout.marker_of(out / name))
    return BuiltSnapshot(Snapshot.open(out / name), written, manifest["notes"])


def _publish(folder: Path, target: Path) -> bool:
    """Put the snapshot in its place, unless the same one is there, whole."""
    damaged = False
    if target.exists():
        try:
            Snapshot.examine(target)
        except SnapshotError:
            damaged = True  # the same content takes its place
        else:
            return False
    try:
        put_folder(folder, target, replace=damaged)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return False  # another process finished the same content a moment ago
    return True


def _write_content(
    store: SubjectStream, folder: Path, settings: SnapshotSettings, progress: StageProgress | None
) -> dict[str, Any]:
    columns = read_columns(
        store.iter_subjects(),
        folder / "products.arrow",
        progress,
        category=settings.category,
        keep_placeholders=settings.placeholders,
    )
    if not len(columns.product_hashes):
        hint = "`k3m-kg ingest` fills it"
        raise SnapshotError("the graph holds no products to cut", hint=hint)
    write_texts(folder / "properties.arrow", columns.properties)
    write_texts(folder / "values.arrow", columns.values)

    split = _split(columns, folder, settings)
    holdout = _holdout(columns, split.sides, settings)
    link_holdout = _link_holdout(columns, split.sides, holdout, settings)
    image_offsets, image_thumbnail, lost = _pictures(columns, folder, settings, progress)
    arrays = {
        "split": split.sides,
        "triple_offsets": columns.triple_offsets,
        "triple_property": columns.triple_property,
        "triple_value": columns.triple_value,
        "triple_holdout": holdout,
        "image_offsets": image_offsets,
        "image_thumbnail": image_thumbnail,
        "link_offsets": offsets(columns.links.counts),
        "link_property": columns.links.relation,
        "link_product": columns.links.product,
        "link_holdout": link_holdout,
        "fact_head": columns.facts[0],
        "fact_property": columns.facts[1],
        "fact_tail": columns.facts[2],
        "rejected_offsets": columns.rejected.offsets,
        "rejected_property": columns.rejected.relation,
        "rejected_value": columns.rejected.value,
    }
    kinds, version = ARRAYS | LINK_ARRAYS, layout.WITHOUT_REJECTED
    if len(columns.rejected.value):
        kinds, version = kinds | REJECTED_ARRAYS, layout.FORMAT_VERSION
    for name, kind in kinds.items():
        np.save(folder / f"{name}.npy", arrays[name].astype(kind, copy=False), allow_pickle=False)

    files = layout.describe_files(folder, version)
    return {
        "format": version,
        "id": layout.content_id(files, version),
        "files": files,
        "settings": _settings(settings),
        "counts": _counts(columns, split, arrays),
        "notes": [
            *split.notes,
            *columns.placeholders.notes(),
            *columns.links.notes(),
            *columns.unusable.notes("that the ingest could not use"),
            *lost.notes("left out"),
        ],
    }


def _split(columns: SnapshotColumns, folder: Path, settings: SnapshotSettings) -> Split:
    pictures = columns.pictures
    keys = group_keys(
        columns.title_hashes,
        columns.has_title,
        pictures.product,
        pictures.distinct,
        pictures.short_hashes(),
        columns.product_hashes,
    )
    if settings.split_file is None:
        split = grouped_split(keys, settings.validation, settings.test, settings.seed)
        if split.bond is not None:
            name = ""
            if not split.bond.is_title:
                first = pictures.first[split.bond.key - int(keys.is_title.sum())]
                name = Path(pictures.paths[int(first)].as_py()).name
            split.notes.append(_said(split.bond, folder, name))
        return split
    return split_from_file(settings.split_file, _ids(folder), keys)


def _said(bond: Bond, folder: Path, name: str) -> dict[str, Any]:
    """What holds the largest group together, for a person to judge.

    Args:
        name: of the picture's file, if it is one.
    """
    id_ = _column(folder, "id")[bond.product]
    if bond.is_title:
        what = f"the title {_column(folder, 'title')[bond.product]!r}"
    else:
        what = f"the picture {name!r}"
    message = (
        f"{bond.count:,} products of the largest such group share {what}, as {id_!r} does; if that "
        "stands for many products, leave it out in the catalog"
    )
    return {"message": message, "count": bond.count}


def _ids(folder: Path) -> Sequence[str]:
    return _column(folder, "id")


def _column(folder: Path, name: str) -> Sequence[str]:
    import pyarrow as pa

    with pa.memory_map(str(folder / "products.arrow")) as source:
        texts: list[str] = pa.ipc.open_file(source).read_all()[name].to_pylist()
    return texts


def _holdout(columns: SnapshotColumns, sides: np.ndarray, settings: SnapshotSettings) -> np.ndarray:
    names, values = hashes_of(columns.properties), hashes_of(columns.values)
    places = columns.triple_offsets

    def batches() -> Iterator[TripleBatch]:
        for product, there in _in_train(places, sides):
            relation = columns.triple_property[there]
            value = columns.triple_value[there]
            hashes = triple_hashes(columns.product_hashes[product], names[relation], values[value])
            yield TripleBatch(product, relation, value, hashes)

    marks = hold_out(batches, settings.holdout, settings.seed)
    result = np.zeros(int(places[-1]), np.uint8)
    begin = 0
    for _, there in _in_train(places, sides):
        result[there] = marks[begin : begin + len(there)]
        begin += len(there)
    return result


def _in_train(places: np.ndarray, sides: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The triples of train products, whole products at a time: their products and their numbers."""
    for first, last in whole_products(places):
        rows = np.arange(first, last)
        product = np.repeat(rows, np.diff(places[first : last + 1]))
        train = np.flatnonzero(sides[product] == TRAIN)
        yield product[train], train + places[first]


def _link_holdout(
    columns: SnapshotColumns, sides: np.ndarray, holdout: np.ndarray, settings: SnapshotSettings
) -> np.ndarray:
    links = columns.links
    head = links.head
    between = np.flatnonzero((sides[head] == TRAIN) & (sides[links.product] == TRAIN))
    result = np.zeros(len(head), np.uint8)
    if not len(between):
        return result
    places = columns.triple_offsets
    settled = np.zeros(len(columns.product_hashes), bool)
    for first, last in whole_products(places):
        counts = np.diff(places[first : last + 1])
        owner = np.repeat(np.arange(first, last), counts)
        settled[owner[holdout[places[first] : places[last]] == KNOWN]] = True
    head, relation, tail = head[between], links.relation[between], links.product[between]
    hashes = triple_hashes(
        columns.product_hashes[head],
        hashes_of(columns.properties)[relation],
        columns.product_hashes[tail],
    )
    result[between] = hold_out_links(
        head, relation, tail, hashes, settings.holdout, settings.seed, settled
    )
    return result


def _pictures(
    columns: SnapshotColumns,
    folder: Path,
    settings: SnapshotSettings,
    progress: StageProgress | None,
) -> tuple[np.ndarray, np.ndarray, LeftOut]:
    pictures = columns.pictures
    table = folder / "thumbnails.arrow"
    rows, failed = write_thumbnails(table, pictures, settings.image_size, progress)
    thumbnail = rows[pictures.distinct]
    there = thumbnail >= 0
    counts = np.bincount(pictures.product[there], minlength=len(columns.product_hashes))
    lost = LeftOut()
    if failed:
        ids = _ids(folder)
        for place in np.flatnonzero(~there):
            lost.add(failed[int(pictures.distinct[place])], ids[int(pictures.product[place])])
    return offsets(counts), thumbnail[there], lost


def _settings(settings: SnapshotSettings) -> dict[str, Any]:
    shown = settings.model_dump(mode="json")
    if settings.split_file is not None:  # what it says, not where it lies
        shown["split_file"] = layout.file_hash(settings.split_file)
        del shown["validation"], shown["test"]
    return shown


def _counts(
    columns: SnapshotColumns, split: Split, arrays: dict[str, np.ndarray]
) -> dict[str, Any]:
    sides = np.bincount(split.sides, minlength=len(SPLITS)).tolist()
    rejected = len(arrays["rejected_value"])
    return ({"rejected": rejected} if rejected else {}) | {
        "products": len(split.sides),
        "properties": len(columns.properties),
        "values": len(columns.values),
        "triples": len(arrays["triple_holdout"]),
        "links": len(arrays["link_holdout"]),
        "facts": len(arrays["fact_head"]),
        "images": len(arrays["image_thumbnail"]),
        "thumbnails": int(arrays["image_thumbnail"].max(initial=-1)) + 1,
        "groups": split.groups,
        "split": dict(zip(SPLITS, sides, strict=True)),
        "holdout": _held(arrays["triple_holdout"]),
        "link_holdout": _held(arrays["link_holdout"]),
        "missing": {
            **columns.missing,
            "image": int(np.count_nonzero(np.diff(arrays["image_offsets"]) == 0)),
        },
    }


def _held(holdout: np.ndarray) -> dict[str, int]:
    return {
        "validation": int(np.count_nonzero(holdout == HELD_FOR_VALIDATION)),
        "test": int(np.count_nonzero(holdout == HELD_FOR_TEST)),
    }
