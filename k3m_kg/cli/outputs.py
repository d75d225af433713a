"""The guard before every output of every command: what it reads, and what is the user's, stays.

Called before any work is done. A test lists the outputs of all commands, so that a new one is not
forgotten.
"""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from k3m_kg.cli.console import DEFAULT_DATABASE
from k3m_kg.cli.mixed_up import kind_of
from k3m_kg.errors import K3MError, UsageError
from k3m_kg.files import Kept, beside, check_output, target_of

if TYPE_CHECKING:
    from pydantic import BaseModel

    from k3m_kg.graph.store import GraphStore

_CHECKED = "k3m_kg_checked"
_LARGEST = 1 << 50
"""Of whole numbers; sizes of memory are up to this, too."""
_TYPED = ("mapping", "run config")
"""Kinds of files that people write."""
_LOOKED_AT = ("db",)
"""Texts that may be paths: what reads them says more."""


def functions_of(made: Any, name: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The functions that a command consists of, by its words: itself, or those of a `Typer`."""
    if not isinstance(made, typer.Typer):
        yield name, made
        return
    for info in made.registered_commands:
        if info.callback is not None:
            yield f"{name} {info.name or info.callback.__name__}", info.callback
    for group in made.registered_groups:
        yield from functions_of(group.typer_instance, f"{name} {group.name}")


def with_usable_paths(made: Any) -> Any:
    """A command, of us or of a plugin, that refuses what no library would take.

    Paths that no file can have, texts that are none, numbers beyond any use. And its errors are
    told as what they are.
    """
    if isinstance(made, typer.Typer):
        for info in made.registered_commands:
            info.callback = with_usable_paths(info.callback)
        for group in made.registered_groups:
            with_usable_paths(group.typer_instance)
        return made
    if not callable(made) or getattr(made, _CHECKED, False):
        return made

    @functools.wraps(made)
    def checked(*words: Any, **given: Any) -> Any:
        for name, value in given.items():
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, Path):
                    usable(one, name.replace("_", " "))
                elif isinstance(one, str) and name not in _LOOKED_AT:
                    _readable(one, name.replace("_", " "))
                elif isinstance(one, int) and abs(one) > _LARGEST:
                    raise UsageError(
                        f"{one} is too large: {_LARGEST:,} is the limit",
                        where=f"--{name.replace('_', '-')}",
                    )
        try:
            return made(*words, **given)
        except EOFError as error:  # typer would take it for Ctrl-D, and say `Aborted!` only
            raise RuntimeError(f"something ended too soon: {error}") from error

    setattr(checked, _CHECKED, True)
    return checked


def usable(path: Path, what: str) -> None:
    """Raise a UsageError for a path that no file can have, or that is no text.

    Names of files are kept as texts: in the graph, in a training's config, in manifests.
    """
    try:
        str(path.absolute()).encode()
    except UnicodeEncodeError:
        raise UsageError(
            "the name of this path, or of a folder above it, is no UTF-8",
            where=f"{what} {path}",
            hint="name it otherwise: names are kept as texts",
        ) from None
    try:
        path.stat()
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
            raise UsageError(os.strerror(error.errno), where=f"{what} {path}") from None
    except ValueError:
        raise UsageError("holds a NUL character", where=f"{what} {path}") from None


def _readable(text: str, what: str) -> None:
    """Raise a UsageError for a text of the command line with bytes that are no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError("is no UTF-8 text", where=f"{what} {text[:200]}") from None


def guard(
    where: str,
    output: Path | None,
    *,
    db: str | None = None,
    artifact: Path | None = None,
    snapshot: Path | None = None,
    files: Iterable[tuple[str, Path | None]] = (),
    replaces: str | None = None,
) -> None:
    """Refuse to write what one of the inputs is, or what lies in it; before any work is done.

    A file that is there is looked into, too: a mapping, a config, or a source of the graph is
    never what an output was meant to be.

    Args:
        where: the option or argument that names the output.
        output: None where it was not given.
        db: the URL of the database; `K3M_KG_DB` is looked after in any case.
        artifact, snapshot: folders that are read.
        files: more files that are read: what each is, and its path.
        replaces: a kind of file, by `kind_of`, that this output may take the place of.

    Raises:
        UsageError: it must not be written.
    """
    if output is None or str(output) == "-":
        return
    folders = (("the artifact", artifact), ("the snapshot", snapshot))
    kept = [Kept(what, path, inside=True) for what, path in folders if path is not None]
    kept += [Kept(what, path) for what, path in files if path is not None]
    check_output(output, kept + _databases(db), where=where)
    if not output.is_file():
        return
    kind = kind_of(target_of(output))  # a link has a name of its own
    if kind in _TYPED and kind != replaces:
        hint = "name another place, or remove it first"
        raise UsageError(f"this is a {kind}", where=f"{where} {output}", hint=hint)
    check_output(output, [] if db is None else _sources(db), where=where)
    other = os.environ.get("K3M_KG_DB") or DEFAULT_DATABASE
    if other != db and other.startswith("sqlite:"):
        known = []
        with suppress(K3MError):  # this command did not ask for it
            known = _sources(other)
        check_output(output, known, where=where)


def _sources(url: str) -> list[Kept]:
    """The files that a graph came from; none where there is no graph."""
    from k3m_kg.graph.store import GraphStore

    if not GraphStore.exists(url):
        return []
    with GraphStore.open(url) as store:
        return _kept_sources(store)


def _kept_sources(store: GraphStore) -> list[Kept]:
    sources = {Path(run.source) for run in store.runs()}
    return [Kept("a source of this graph", path) for path in sources if path.is_absolute()]


def guard_sources(
    where: str, output: Path | None, store: GraphStore, names: Iterable[str] = ()
) -> None:
    """Refuse to write over a file that the graph in `store` came from.

    Args:
        where, output: as in `guard`.
        names: of the files that come to lie in `output`, where that is a folder.

    Raises:
        UsageError: it must not be written.
    """
    if output is None or str(output) == "-":
        return
    kept = _kept_sources(store)
    for path in (output, *(output / name for name in names)):
        check_output(path, kept, where=where)


def guard_training(config: Path, settings: BaseModel) -> None:
    """`guard` for the artifact that a training's config names, and what lies beside it meanwhile.

    Raises:
        UsageError: it must not be written.
    """
    output: Path = settings.output  # type: ignore[attr-defined]
    snapshot: Path | None = settings.snapshot  # type: ignore[attr-defined]
    read = [("an input of this config", path) for path in paths_in(settings) if path != output]
    for path in paths_in(settings):
        usable(path, "the config's path")
    for path in (output, beside(output, ".run")):
        guard("output:", path, snapshot=snapshot, files=[("the config", config), *read])


def paths_in(settings: BaseModel) -> Iterable[Path]:
    """Every path among some settings."""
    from pydantic import BaseModel

    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            yield from paths_in(value)
        elif isinstance(value, Path):
            yield value


def written_in(settings: BaseModel) -> Iterable[Path]:
    """Every path among some settings that is not marked as one that is only read.

    Marked is a field with `json_schema_extra={"input": True}`.
    """
    for name, field in type(settings).model_fields.items():
        value, extra = getattr(settings, name), field.json_schema_extra
        only_read = isinstance(extra, dict) and extra.get("input") is True
        if isinstance(value, Path) and not only_read:
            yield value


def _databases(db: str | None) -> list[Kept]:
    """All that belongs to the database that is read, and to the one that the environment names."""
    from k3m_kg.graph.database.engine import database_files

    kept = [] if db is None else database_files(db)
    with suppress(UsageError):  # this command did not ask for it
        kept += database_files(os.environ.get("K3M_KG_DB") or DEFAULT_DATABASE)
    return kept
