"""Before an ingest: a mapping for a source that comes without one, shown and taken.

A reader that cannot do without a mapping raises `MappingNeeded`, which holds one to start from.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from k3m_kg.config import read_yaml
from k3m_kg.errors import K3MError, MappingNeeded, UsageError
from k3m_kg.files import write_text
from k3m_kg.ingest.checked import Read
from k3m_kg.ingest.reading_ahead import reading
from k3m_kg.readers.choosing import ChosenReader
from k3m_kg.readers.mapped.guessing.suggesting import is_open
from k3m_kg.records import Note, ProductRecord
from k3m_kg.workers.limits import Limits

SHOWN = 3
"""Products of a preview."""
_LONGEST = 100
_NAME_THE_ID = "save what is below as mapping.yaml, name the id, and pass --mapping mapping.yaml"


def accepted(
    chosen: ChosenReader, path: Path, size: int, limits: Limits, folder: Path
) -> Path | None:
    """The mapping that was suggested for a source, as a file; None if it needs none.

    Args:
        size: of the source in bytes.
        folder: where the file is written, `<source name>.mapping.yaml`; one that says the same
            and is there already is taken as it is.

    Raises:
        MappingNeeded: the suggestion leaves the id open.
        UsageError: another mapping is there already.
        CatalogError: the source cannot be read.
    """
    needed = _needed(chosen, path, size, limits)
    if needed is None:
        return None
    if is_open(needed.mapping):
        raise MappingNeeded(
            f"{needed.message}, and which column is the id is not certain, so there is nothing to "
            "accept",
            where=needed.where,
            hint=_NAME_THE_ID,
            mapping=needed.mapping,
        )
    file = folder / f"{path.name}.mapping.yaml"
    if not file.exists():
        write_text(file, needed.mapping)
        return file
    with TemporaryDirectory(prefix="k3m-kg-") as other:
        suggested = Path(other) / "suggested.yaml"
        suggested.write_text(needed.mapping, encoding="utf-8")
        if read_yaml(file) == read_yaml(suggested):
            return file
    raise UsageError(
        "is there already, and says something else than what is suggested now",
        where=str(file),
        hint=f"go by it with --mapping {file}, or remove it",
    )


def check_mapping(chosen: ChosenReader, path: Path, size: int, limits: Limits) -> None:
    """See that a source without a mapping can do without.

    Raises:
        MappingNeeded: it cannot; with one to start from, and what its first products would be.
        CatalogError: the source cannot be read.
    """
    if (needed := _needed(chosen, path, size, limits)) is not None:
        raise with_preview(needed, chosen, path, limits)


def with_preview(
    needed: MappingNeeded, chosen: ChosenReader, path: Path, limits: Limits
) -> MappingNeeded:
    """The error, with the first products as the suggested mapping reads them.

    Whatever goes wrong shows when the mapping is used.
    """
    if is_open(needed.mapping):
        return MappingNeeded(
            needed.message, where=needed.where, hint=_NAME_THE_ID, mapping=needed.mapping
        )
    products: list[ProductRecord] = []
    with TemporaryDirectory(prefix="k3m-kg-") as folder, suppress(K3MError):
        mapping = Path(folder) / "suggested.yaml"
        mapping.write_text(needed.mapping, encoding="utf-8")
        with reading(chosen, path, mapping, path.stat().st_size, limits) as records:
            products += islice(filter(None, map(_product, records)), SHOWN)
    if not products:
        return needed
    shown = "\n".join(map(_shown, products))
    hint = f"{needed.advice}\n  its first products would be\n{shown}"
    return MappingNeeded(needed.message, where=needed.where, hint=hint, mapping=needed.mapping)


def _needed(chosen: ChosenReader, path: Path, size: int, limits: Limits) -> MappingNeeded | None:
    try:
        with reading(chosen, path, None, size, limits) as records:
            for item in records:
                if not isinstance(item, Note):
                    return None
    except MappingNeeded as needed:
        return needed
    return None


def _product(item: Read) -> ProductRecord | None:
    record = item[0] if isinstance(item, tuple) else None
    return record if isinstance(record, ProductRecord) else None


def _shown(product: ProductRecord) -> str:
    lines = [f"  {_cut(product.id)}"]
    parts = [("title", product.title), ("category", product.category)]
    lines += [f"    {name}: {_cut(text)}" for name, text in parts if text]
    lines += [f"    image: {_cut(image)}" for image in product.images[:2]]
    lines += [f"    {_cut(name)} = {_cut(value)}" for name, value in product.properties[:8]]
    lines += [f"    {_cut(name)} -> {_cut(target)}" for name, target in product.links[:2]]
    if len(product.properties) > 8:
        lines.append(f"    ... and {len(product.properties) - 8} more")
    return "\n".join(lines)


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
