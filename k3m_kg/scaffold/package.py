"""Writes a plugin package from its kind's templates, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from string import Template

from k3m_kg.errors import UsageError
from k3m_kg.files.folder import whole_folder
from k3m_kg.scaffold.kinds import KINDS
from k3m_kg.scaffold.naming import Names

_TEMPLATES = Path(__file__).parent / "templates"
_SUFFIX = ".tmpl"


def new_package(names: Names, kind: str, target: Path) -> list[Path]:
    """Write a package with one plugin, its test and a README.

    Args:
        kind: one of `KINDS`.
        target: the folder, which must not be there.

    Returns:
        The files, relative to `target`.

    Raises:
        UsageError: something is there already; nothing was written.
        K3MError: it cannot be written.
    """
    if target.exists() or target.is_symlink():
        raise UsageError(
            "it is there already, and nothing is overwritten",
            where=str(target),
            hint="take another name, or --out another folder",
        )
    files = dict(_filled(names, kind))
    with whole_folder(target, UsageError, replace=False) as folder:
        for path, text in files.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    return sorted(files)


def _filled(names: Names, kind: str) -> Iterator[tuple[Path, str]]:
    about = KINDS[kind]
    parts = sorted(path.name for path in (_TEMPLATES / kind).glob(f"*{_SUFFIX}"))
    own = [part.removesuffix(_SUFFIX) for part in parts if part != f"test.py{_SUFFIX}"]
    second = "".join(
        f"- `{names.module}/{part}` does the work.\n" for part in own if part != "__init__.py"
    )
    words = {
        "package": names.package,
        "module": names.module,
        "plugin": names.plugin,
        "kind": kind,
        "extras": about.extras,
        "second": second,
        "does": Template(about.does).substitute(plugin=names.plugin),
        "use": Template(about.use).substitute(plugin=names.plugin),
    }

    def fill(template: Path) -> str:
        return Template(template.read_text(encoding="utf-8")).substitute(words)

    for name in ("pyproject.toml", "README.md"):
        yield Path(name), fill(_TEMPLATES / f"{name}{_SUFFIX}")
    for part in own:
        yield Path(names.module) / part, fill(_TEMPLATES / kind / f"{part}{_SUFFIX}")
    tested = Path("tests") / f"test_{names.module}.py"
    yield tested, fill(_TEMPLATES / kind / f"test.py{_SUFFIX}")
