"""The page of what plugin authors import, written from the docstrings of `k3m_kg.api`."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from typing import Any

import k3m_kg.api

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_SECTION = re.compile(r"^(Attributes|Args|Returns|Yields|Raises):$", re.MULTILINE)
_ROOMS = {
    "plugin": "Hooks and their records",
    "records": "Records of readers",
    "readers": "Building blocks of readers",
    "config": "Settings",
    "errors": "Errors",
    "contracts": "Contracts",
    "batches": "Products in batches",
    "lpm": "Link prediction",
    "kge": "Embeddings",
    "use": "Trained models",
    "evaluation": "Building blocks of evaluations",
    "matching": "Pairs of products",
    "snapshot": "Snapshots",
    "model": "Building blocks of models",
}
"""What is there, by the package that it comes from; others follow under `Other`."""


def front_door_page() -> str:
    """docs/reference/api.md."""
    parts = [
        "# What plugins import: `k3m_kg.api`",
        "",
        "Written by `make docs` from the docstrings. A plugin imports from `k3m_kg.api` and "
        "nothing else of ours: [Plugins](../plugins.md) says which of these a kind of plugin "
        "needs, with an example each. `help(k3m_kg.api.NAME)` tells all of one. Names end in the "
        "shape of what they hold: `_Q` is one for each of Q questions.",
    ]
    rooms: dict[str, list[str]] = {}
    for name in sorted(k3m_kg.api.__all__, key=str.lower):
        rooms.setdefault(_room(getattr(k3m_kg.api, name)), []).append(name)
    for room in [*_ROOMS.values(), "Other"]:
        if room not in rooms:
            continue
        parts += ["", f"## {room}"]
        for name in rooms[room]:
            parts += ["", *_told(name, getattr(k3m_kg.api, name))]
    return "\n".join(parts) + "\n"


def _room(item: Any) -> str:
    package = getattr(item, "__module__", "").split(".")
    return _ROOMS.get(package[1] if package[0] == "k3m_kg" else "", "Other")


def _told(name: str, item: Any) -> Iterator[str]:
    yield f"### {name}"
    yield ""
    if not (inspect.isclass(item) or inspect.isfunction(item)):
        yield f"`{_shown(item)}`"
        return
    doc = inspect.cleandoc(item.__doc__ or "")
    said, sections = _split(doc)
    if inspect.isfunction(item):
        yield f"`{name}{_signature(item)}`"
        yield ""
    yield said
    for title in ("Attributes", "Args", "Returns", "Raises"):
        if title in sections:
            yield from _listed(title, sections[title])
    if inspect.isclass(item):
        if "Attributes" not in sections and dataclasses.is_dataclass(item):
            fields = ", ".join(f"`{field.name}`" for field in dataclasses.fields(item))
            yield from ("", f"Fields: {fields}.") if fields else ()
        yield from _methods(item)


def _split(doc: str) -> tuple[str, dict[str, str]]:
    """What stands before the sections of a docstring, as one paragraph each; and the sections."""
    pieces = _SECTION.split(doc)
    said = "\n\n".join(" ".join(part.split()) for part in pieces[0].strip().split("\n\n"))
    return said, dict(zip(pieces[1::2], pieces[2::2], strict=True))


def _listed(title: str, text: str) -> Iterator[str]:
    lines = inspect.cleandoc("\n" + text).strip()
    if title in ("Returns", "Raises"):
        yield from ("", f"{title}: {' '.join(lines.split())}")
        return
    yield ""
    for entry in re.split(r"\n(?=\S)", lines):
        name, _, meaning = entry.partition(":")
        yield f"- `{name}`: {' '.join(meaning.split())}"


def _methods(item: type) -> Iterator[str]:
    """Methods that the class or one of ours below it has, each with its first line."""
    rows = []
    for name in sorted(dir(item)):
        found = inspect.getattr_static(item, name)
        home = next((base for base in item.__mro__ if name in vars(base)), object)
        if name.startswith("_") or not home.__module__.startswith("k3m_kg"):
            continue
        found = found.__func__ if isinstance(found, classmethod | staticmethod) else found
        if isinstance(found, property):
            shown, doc = name, found.__doc__
        elif inspect.isfunction(found):
            shown, doc = f"{name}{_signature(found)}", found.__doc__
        else:
            continue
        first = " ".join((doc or "").strip().split("\n\n")[0].split())
        rows.append(f"- `{shown}`: {first}" if first else f"- `{shown}`")
    yield from ["", *rows] if rows else []


def _signature(item: Any) -> str:
    """Names, stars and defaults; types are told by `help`."""
    found = inspect.signature(item)
    plain = [part.replace(annotation=inspect.Parameter.empty) for part in found.parameters.values()]
    kept = [part for part in plain if part.name not in ("self", "cls")]
    text = str(inspect.Signature(kept))
    return _ADDRESS.sub("", text)


def _shown(item: Any) -> str:
    return _ADDRESS.sub("", item if isinstance(item, str) else str(item))
