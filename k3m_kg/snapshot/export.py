"""A snapshot as Parquet tables, for whoever wants a baseline of their own on the same split.

    products.parquet   id, title, category, split
    triples.parquet    product, property, value, split, holdout
    links.parquet      product, property, other (a product), split, holdout
    facts.parquet      value, property, other (a value): triples of values
    images.parquet     product, position, hash (of the source picture), file
    pictures/          those files, where they are asked for: PNG, named by their hash
    export.json        the snapshot's id, and how many rows each table has

`split` is train, validation or test; `holdout` says for which of these a triple is hidden from
training, and is `known` for all others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from k3m_kg.errors import SnapshotError
from k3m_kg.files import whole_folder
from k3m_kg.progress import StageProgress
from k3m_kg.snapshot.layout import SPLITS
from k3m_kg.snapshot.read import Snapshot

RECORD, PICTURES = "export.json", "pictures"
TABLES = ("products", "triples", "links", "facts", "images")
_ROWS_AT_ONCE = 1 << 17
_HOLDOUT = ("known", "validation", "test")
_SPLIT_TEXTS, _HOLDOUT_TEXTS = pa.array(SPLITS), pa.array(_HOLDOUT)


def export_snapshot(
    snapshot: Snapshot,
    out: Path,
    *,
    pictures: bool = False,
    progress: StageProgress | None = None,
) -> dict[str, int]:
    """Write the tables into a folder, which is there whole or not at all.

    An earlier export in its place is replaced; any other folder that is not empty is not.

    Args:
        out: the folder.
        pictures: write the stored pictures too.
        progress: told of rows of each table, and of pictures.

    Returns:
        How many rows each table has, and how many `pictures` were written.

    Raises:
        SnapshotError: it cannot be written, or something else is there.
    """
    counts: dict[str, int] = {}
    hint = "name a folder that is empty, not there yet, or an earlier export"
    replace = _is_export(out)
    with whole_folder(out, SnapshotError, replace=replace, hint=hint) as folder:
        for name, batches, total in _tables(snapshot):
            counts[name] = _write(folder / f"{name}.parquet", batches, name, total, progress)
        if pictures:
            counts[PICTURES] = _write_pictures(snapshot, folder / PICTURES, progress)
        record = {"snapshot": snapshot.id, "counts": counts}
        (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return counts


def _is_export(folder: Path) -> bool:
    """Whether a folder holds an export and nothing else."""
    if not (folder / RECORD).is_file():
        return False
    ours = {RECORD, PICTURES, *(f"{name}.parquet" for name in TABLES)}
    return {item.name for item in folder.iterdir()} <= ours


def _tables(snapshot: Snapshot) -> list[tuple[str, Iterator[pa.Table], int]]:
    return [
        ("products", _products(snapshot), len(snapshot)),
        ("triples", _triples(snapshot), len(snapshot.triple_property)),
        ("links", _links(snapshot), len(snapshot.link_property)),
        ("facts", _facts(snapshot), len(snapshot.fact_head)),
        ("images", _images(snapshot), len(snapshot.image_thumbnail)),
    ]


def _write(
    path: Path, batches: Iterator[pa.Table], name: str, total: int, progress: StageProgress | None
) -> int:
    done, writer = 0, None
    for table in batches:
        if writer is None:
            writer = pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
        done += len(table)
        if progress:
            progress(name, done, total)
    assert writer is not None, "every table has at least one batch, if an empty one"
    writer.close()
    return done


def _parts(count: int) -> Iterator[slice]:
    """Slices of so many rows; one that is empty where there are none."""
    for start in range(0, max(1, count), _ROWS_AT_ONCE):
        yield slice(start, min(start + _ROWS_AT_ONCE, count))


def _products(snapshot: Snapshot) -> Iterator[pa.Table]:
    for part in _parts(len(snapshot)):
        size = part.stop - part.start
        yield pa.table(
            {
                "id": snapshot.ids.column.slice(part.start, size),
                "title": snapshot.titles.slice(part.start, size),
                "category": snapshot.categories.slice(part.start, size),
                "split": _chosen(_SPLIT_TEXTS, snapshot.split[part]),
            }
        )


def _triples(snapshot: Snapshot) -> Iterator[pa.Table]:
    properties, values = pa.array(snapshot.properties, pa.string()), snapshot.value_column
    for part in _parts(len(snapshot.triple_property)):
        heads = snapshot.triple_product[part]
        yield pa.table(
            {
                "product": _chosen(snapshot.ids.column, heads),
                "property": _chosen(properties, snapshot.triple_property[part]),
                "value": _chosen(values, snapshot.triple_value[part]),
                "split": _chosen(_SPLIT_TEXTS, snapshot.split[heads]),
                "holdout": _chosen(_HOLDOUT_TEXTS, snapshot.triple_holdout[part]),
            }
        )


def _links(snapshot: Snapshot) -> Iterator[pa.Table]:
    properties = pa.array(snapshot.properties, pa.string())
    for part in _parts(len(snapshot.link_property)):
        heads = snapshot.link_head[part]
        yield pa.table(
            {
                "product": _chosen(snapshot.ids.column, heads),
                "property": _chosen(properties, snapshot.link_property[part]),
                "other": _chosen(snapshot.ids.column, snapshot.link_product[part]),
                "split": _chosen(_SPLIT_TEXTS, snapshot.split[heads]),
                "holdout": _chosen(_HOLDOUT_TEXTS, snapshot.link_holdout[part]),
            }
        )


def _facts(snapshot: Snapshot) -> Iterator[pa.Table]:
    properties, values = pa.array(snapshot.properties, pa.string()), snapshot.value_column
    for part in _parts(len(snapshot.fact_head)):
        yield pa.table(
            {
                "value": _chosen(values, snapshot.fact_head[part]),
                "property": _chosen(properties, snapshot.fact_property[part]),
                "other": _chosen(values, snapshot.fact_tail[part]),
            }
        )


def _images(snapshot: Snapshot) -> Iterator[pa.Table]:
    starts = snapshot.image_offsets
    for part in _parts(len(snapshot.image_thumbnail)):
        numbers = np.arange(part.start, part.stop)
        heads = np.searchsorted(starts, numbers, side="right") - 1
        hashes = [snapshot.image_hash(number) for number in numbers.tolist()]
        yield pa.table(
            {
                "product": _chosen(snapshot.ids.column, heads),
                "position": pa.array(numbers - starts[heads], pa.int32()),
                "hash": pa.array(hashes, pa.string()),
                "file": pa.array([_file(found) for found in hashes], pa.string()),
            }
        )


def _write_pictures(snapshot: Snapshot, folder: Path, progress: StageProgress | None) -> int:
    """Every stored picture that a product has, once."""
    folder.mkdir()
    numbers, first = np.unique(snapshot.image_thumbnail, return_index=True)
    pairs = zip(numbers.tolist(), first.tolist(), strict=True)
    for done, (number, place) in enumerate(pairs, 1):
        name = Path(_file(snapshot.image_hash(place))).name
        snapshot.thumbnail(number).save(folder / name, "PNG")
        if progress:
            progress(PICTURES, done, len(numbers))
    return len(numbers)


def _file(digest: str) -> str:
    return f"{PICTURES}/{digest}.png"


def _chosen(texts: pa.Array | pa.ChunkedArray, places: np.ndarray) -> pa.ChunkedArray:
    """The texts at some places."""
    return pc.take(texts, pa.array(places.astype(np.int64)))
