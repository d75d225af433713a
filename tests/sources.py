"""The code as the tests of its structure read it: modules, and every import in them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Module:
    """One file of ours."""

    name: str
    path: Path
    tree: ast.Module
    is_package: bool

    @property
    def room(self) -> str:
        """The package of one idea that it belongs to: `k3m_kg.graph`, or a plugin package."""
        parts = self.name.split(".")
        return ".".join(parts[: 2 if parts[0] == "k3m_kg" else 1])


@dataclass(frozen=True, slots=True)
class Import:
    """`importer` imports the module `target`, wherever in the file that stands.

    Attributes:
        for_types: it stands under TYPE_CHECKING and is not carried out.
    """

    importer: str
    target: str
    for_types: bool


@cache
def modules() -> dict[str, Module]:
    """Every module of k3m_kg and of the built-in plugin packages, by its dotted name."""
    found = {}
    for top in (ROOT / "k3m_kg", *sorted((ROOT / "plugins").iterdir())):
        for path in sorted(top.rglob("*.py")):
            parts = [*path.relative_to(top.parent).with_suffix("").parts]
            is_package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if is_package else parts)
            tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
            found[name] = Module(name, path, tree, is_package)
    return found


def imports(module: Module) -> Iterator[Import]:
    """All of them: at the top, inside functions and under TYPE_CHECKING."""
    known = modules()
    unseen = {
        inner
        for node in ast.walk(module.tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for part in node.body
        for inner in ast.walk(part)
    }
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module.name, alias.name, node in unseen)
        elif isinstance(node, ast.ImportFrom):
            base = _base(module, node)
            for alias in node.names:
                member = f"{base}.{alias.name}"
                yield Import(module.name, member if member in known else base, node in unseen)


def _base(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        assert node.module is not None
        return node.module
    package = module.name.split(".")
    package = package[: len(package) - node.level + module.is_package]
    return ".".join([*package, node.module] if node.module else package)
