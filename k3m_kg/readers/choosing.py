"""Chooses the reader of a source: by name, or by asking each whether it knows the format."""

from __future__ import annotations

from pathlib import Path

from k3m_kg.errors import UsageError
from k3m_kg.plugin.hookspecs import CatalogReader, ReaderPlugin
from k3m_kg.plugin.registry import registry
from k3m_kg.readers.compressed import read_head

AUTO = "auto"
_HEAD = 65_536


def choose_reader(path: Path, name: str = AUTO) -> tuple[str, CatalogReader]:
    """The reader called `name`, or with `auto` the one that recognises `path`.

    Raises:
        UsageError: no reader has that name; none recognises the file, or more than one does.
        CatalogError: the file cannot be read, or its packed stream is damaged.
    """
    if name != AUTO:
        return name, registry().get(ReaderPlugin, name).factory()
    head = read_head(path, _HEAD)
    names = registry().names(ReaderPlugin.kind)
    readers = {name: registry().get(ReaderPlugin, name).factory() for name in names}
    fitting = [name for name, reader in readers.items() if reader.sniff(path, head)]
    if len(fitting) == 1:
        return fitting[0], readers[fitting[0]]
    what = f"fits several formats: {', '.join(fitting)}" if fitting else "is in no known format"
    raise UsageError(
        what,
        where=str(path),
        hint=f"name the format with --format; known: {', '.join(names) or 'none'}",
    )
