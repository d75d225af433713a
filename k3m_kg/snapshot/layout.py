"""The files of a snapshot, its manifest, and what makes one count as whole.

A snapshot is a folder of these files, all little-endian, all memory-mapped when read:

    manifest.json          format version, id, counts, settings, notes, size and sha256 per file
    products.arrow         id, title (nullable), category (nullable); ascending by id
    properties.arrow       text; ascending, a property's id is its place
    values.arrow           text; ascending, a value's id is its place
    thumbnails.arrow       hash (of the source picture, 32 bytes), data (a JPEG or PNG file)
    split.npy              (N,) uint8: 0 train, 1 validation, 2 test
    triple_offsets.npy     (N+1,) int64: product n has triples [n] up to [n+1]
    triple_property.npy    (E,) int32
    triple_value.npy       (E,) int32
    triple_holdout.npy     (E,) uint8: 0 known, 1 held out for validation, 2 for test
    image_offsets.npy      (N+1,) int64: product n has pictures [n] up to [n+1]
    image_thumbnail.npy    (pictures,) int32: the row of thumbnails.arrow
    link_offsets.npy       (N+1,) int64: product n has links (triples to products) [n] up to [n+1]
    link_property.npy      (L,) int32
    link_product.npy       (L,) int32: the row of the product that is the tail
    link_holdout.npy       (L,) uint8: as triple_holdout
    fact_head.npy          (F,) int32: a value that a triple is stated of
    fact_property.npy      (F,) int32
    fact_tail.npy          (F,) int32: a value; the three together ascend
    rejected_offsets.npy   (N+1,) int64: product n has rejected values [n] up to [n+1]
    rejected_property.npy  (R,) int32
    rejected_value.npy     (R,) int32: a value that people said is wrong of the product

Texts ascend by code point, which is the order of their UTF-8 bytes and of Python strings.
Format 1 had no links and no facts, format 2 no rejected values; they are read as snapshots without
any. A graph in which nothing is rejected still gives format 2, byte for byte.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from k3m_kg.errors import SnapshotError
from k3m_kg.files import beside, ordinary

FORMAT_VERSION = 3
"""The newest."""
WITHOUT_REJECTED = 2
MANIFEST = "manifest.json"
LATEST = "latest"
SPLITS = ("train", "validation", "test")
NO_SPLIT = len(SPLITS)
"""Only in a view: of a product that is not asked."""
ROWS_PER_BATCH = 1 << 14
THUMBNAILS_PER_BATCH = 1 << 9

TABLES: dict[str, pa.Schema] = {
    "products": pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            pa.field("title", pa.string()),
            pa.field("category", pa.string()),
        ]
    ),
    "properties": pa.schema([pa.field("text", pa.string(), nullable=False)]),
    "values": pa.schema([pa.field("text", pa.string(), nullable=False)]),
    "thumbnails": pa.schema(
        [
            pa.field("hash", pa.binary(32), nullable=False),
            pa.field("data", pa.large_binary(), nullable=False),
        ]
    ),
}
ARRAYS: dict[str, str] = {
    "split": "<u1",
    "triple_offsets": "<i8",
    "triple_property": "<i4",
    "triple_value": "<i4",
    "triple_holdout": "<u1",
    "image_offsets": "<i8",
    "image_thumbnail": "<i4",
}
LINK_ARRAYS: dict[str, str] = {
    "link_offsets": "<i8",
    "link_property": "<i4",
    "link_product": "<i4",
    "link_holdout": "<u1",
    "fact_head": "<i4",
    "fact_property": "<i4",
    "fact_tail": "<i4",
}
"""Those that format 1 had not."""
REJECTED_ARRAYS: dict[str, str] = {
    "rejected_offsets": "<i8",
    "rejected_property": "<i4",
    "rejected_value": "<i4",
}
"""Those that format 2 had not."""
_TABLE_FILES = [f"{name}.arrow" for name in TABLES]
FILES: dict[int, tuple[str, ...]] = {
    version: tuple(sorted(_TABLE_FILES + [f"{name}.npy" for name in arrays]))
    for version, arrays in (
        (1, ARRAYS),
        (WITHOUT_REJECTED, ARRAYS | LINK_ARRAYS),
        (FORMAT_VERSION, ARRAYS | LINK_ARRAYS | REJECTED_ARRAYS),
    )
}
"""By format, the files that a snapshot consists of beside its manifest."""

_LARGEST_MANIFEST = 16 << 20
_Count = Annotated[int, Field(ge=0, lt=1 << 63)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")


class _File(_Strict):
    bytes: _Count
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Sides(_Strict):
    validation: _Count
    test: _Count


class _Counts(_Strict):
    """What the manifest counts; format 1 knew neither links nor facts."""

    products: _Count
    properties: _Count
    values: _Count
    triples: _Count
    images: _Count
    thumbnails: _Count
    split: dict[str, _Count]
    holdout: _Sides
    missing: dict[str, _Count]


class _Note(_Strict):
    message: str
    count: _Count | None = None
    products: list[str] = []


class _Manifest(_Strict):
    id: str
    files: dict[str, _File]
    settings: dict[str, Any]
    counts: _Counts
    notes: list[_Note]


_REBUILD = "build it again with `k3m-kg snapshot`, or copy it again from where it came"


def damaged(folder: Path, file: str, what: str) -> SnapshotError:
    """The error for a file of a snapshot that is not what was written."""
    return SnapshotError(f"damaged snapshot: {what}", where=str(folder / file), hint=_REBUILD)


def file_hash(path: Path) -> str:
    """SHA-256 (hex) of a file, read in pieces."""
    with ordinary(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def content_id(files: Mapping[str, Mapping[str, Any]], version: int) -> str:
    """The id of a snapshot: SHA-256 over format, names and hashes of all files but the manifest."""
    lines = [f"k3m-kg snapshot {version}"]
    lines += [f"{files[name]['sha256']}  {name}" for name in FILES[version]]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def folder_name(snapshot_id: str) -> str:
    """The name of a snapshot's folder: the first 16 hex digits of its id."""
    return snapshot_id[:16]


def describe_files(folder: Path, version: int) -> dict[str, dict[str, Any]]:
    """Size in bytes and hash of every file that a manifest of a format lists."""
    return {
        name: {"bytes": (folder / name).stat().st_size, "sha256": file_hash(folder / name)}
        for name in FILES[version]
    }


def files_of(folder: Path, version: int) -> list[Path]:
    """The manifest and every file that a snapshot of a format consists of."""
    return [folder / name for name in (MANIFEST, *FILES[version])]


def cache_of(folder: Path) -> Path:
    """The folder beside a snapshot for what is made from it, which may be thrown away."""
    return beside(folder, ".cache")


def marker_of(folder: Path) -> Path:
    """Where it is remembered that a snapshot was examined."""
    return cache_of(folder) / "examined"


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest; the same manifest is always the same bytes."""
    text = json.dumps(manifest, ensure_ascii=False, indent=2, sort_keys=True)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def locate(path: Path) -> Path:
    """The snapshot folder that `path` means: itself, or the `latest` of a folder of snapshots.

    Raises:
        SnapshotError: nothing there, or nothing there that is a snapshot.
    """
    if not path.exists():
        hint = "`k3m-kg snapshot OUT` builds one"
        raise SnapshotError("no such snapshot", where=str(path), hint=hint)
    if not path.is_dir():
        raise SnapshotError("a file, not the folder of a snapshot", where=str(path))
    if (path / MANIFEST).exists():
        return path
    found = sorted(item.name for item in path.iterdir() if (item / MANIFEST).is_file())
    found = [name for name in found if not name.startswith(".")]
    hint = f"name one of the snapshots in it: {', '.join(found[:5])}" if found else _REBUILD
    if not (path / LATEST).exists():
        what = "this folder names no latest snapshot" if found else "no snapshot in this folder"
        raise SnapshotError(what, where=str(path), hint=hint)
    try:
        with ordinary(path / LATEST).open(encoding="ascii") as stream:
            name = stream.read(100).strip()
    except (OSError, ValueError):
        name = ""
    if not re.fullmatch(r"[0-9a-f]{16}", name):
        raise SnapshotError("names no snapshot", where=str(path / LATEST), hint=hint)
    if not (path / name / MANIFEST).exists():
        raise SnapshotError(f"the snapshot {name} is gone", where=str(path / LATEST), hint=hint)
    return path / name


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of the snapshot in `folder`, checked itself and against the files' sizes.

    Raises:
        SnapshotError: not a manifest, a newer format, or a file that is missing or cut off.
    """
    try:
        with ordinary(folder / MANIFEST).open("rb") as stream:
            text = stream.read(_LARGEST_MANIFEST + 1)
    except OSError as error:
        where = str(folder / MANIFEST)
        raise SnapshotError(f"cannot be read: {error.strerror}", where=where) from None
    try:
        found = from_json(text, allow_inf_nan=False) if len(text) <= _LARGEST_MANIFEST else None
    except ValueError:
        found = None
    version = found.get("format") if isinstance(found, dict) else None
    if not isinstance(found, dict) or "format" not in found:
        raise damaged(folder, MANIFEST, "not a snapshot manifest")
    if type(version) is int and version > FORMAT_VERSION:
        raise SnapshotError(
            f"snapshot format {version} is newer than this k3m-kg reads ({FORMAT_VERSION})",
            where=str(folder),
            hint="upgrade k3m-kg, or build the snapshot again with this version",
        )
    if type(version) is not int or version not in FILES:
        raise damaged(folder, MANIFEST, "unknown format")
    try:
        manifest = _Manifest.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise damaged(folder, MANIFEST, f"{place}: {first['msg']}") from None
    if not manifest.files.keys() >= set(FILES[version]):
        raise damaged(folder, MANIFEST, "the list of files is incomplete")
    if manifest.id != content_id(found["files"], version):
        raise damaged(folder, MANIFEST, "the id does not belong to the files it lists")
    expected = {name: manifest.files[name].bytes for name in FILES[version]}
    for name, size in expected.items():
        path = folder / name
        if not path.is_file():
            raise damaged(folder, name, "the file is missing")
        if path.stat().st_size != size:
            raise damaged(folder, name, f"{path.stat().st_size:,} bytes instead of {size:,}")
    return found


def check_hashes(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Compare the content of every file with the manifest; reads the whole snapshot.

    Raises:
        SnapshotError: a file that is not byte for byte what was written.
    """
    for name in FILES[manifest["format"]]:
        if file_hash(folder / name) != manifest["files"][name]["sha256"]:
            raise damaged(folder, name, "the content is not what was written")
