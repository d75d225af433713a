"""`k3m-kg plugins`: what is installed, from where, with which settings; and a new package."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from k3m_kg.cli.console import JsonFlag, note, print_json, say, terminal, visible
from k3m_kg.cli.outputs import guard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from k3m_kg.plugin.discovery import Installed

app = typer.Typer(help="What is installed, from where, with which settings; and a new package.")

KindOption = Annotated[
    str | None,
    typer.Option(
        help="Such as fusion, task, reader, link-predictor, evaluation or command.",
        metavar="KIND",
    ),
]


@app.callback(invoke_without_command=True)
def _list_by_default(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_plugins()


@app.command("list")
def list_plugins(kind: KindOption = None, as_json: JsonFlag = False) -> None:
    """List every plugin that loaded; name on standard error those that did not."""
    from k3m_kg.errors import UsageError, unknown_name
    from k3m_kg.plugin.registry import KINDS, registry

    if kind is not None and kind not in KINDS:
        raise UsageError(unknown_name("plugin kind", kind, KINDS), where="--kind")
    found = registry().installed(kind)
    if as_json:
        print_json([_row(item) for item in found])
    else:
        rows = [
            (i.record.kind, i.record.name, f"{i.package} {i.version}", i.record.summary)
            for i in found
        ]
        _print_table(("kind", "name", "package", "summary"), rows)
        for needed, names in _lacking(found).items():
            say(f"not usable yet: {', '.join(names)}\n  this needs: {needed}")
    for failure in registry().failures:
        note(f"warning: {failure}")


@app.command("show")
def show_plugin(
    name: Annotated[str, typer.Argument(help="The plugin's name, as a config writes it.")],
    kind: KindOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show one plugin and its settings with types, defaults and meanings."""
    from k3m_kg.cli.describe import setting_rows

    item = _find(name, kind)
    config = getattr(item.record, "config", None)
    rows = list(setting_rows(config)) if config else []
    if as_json:
        print_json(_row(item) | {"settings": [asdict(row) for row in rows]})
        return
    say(f"{item.record.kind} {name}: {item.record.summary}")
    say(f"from {item.package} {item.version}\n")
    if item.lacks:
        say(f"not usable yet; this needs: {item.lacks}\n")
    if rows:
        _print_table(
            ("setting", "type", "default", "meaning"),
            [(r.name, r.type, _default(r.default), r.meaning) for r in rows],
        )
    else:
        say("It takes no settings.")


def _default(text: str | None) -> str:
    """What is written where a setting is left out; nothing at all is shown as it is quoted."""
    return "(required)" if text is None else text or "''"


@app.command("new")
def new_plugin(
    name: Annotated[str, typer.Argument(help="The package's name, which its plugin has, too.")],
    kind: Annotated[
        str,
        typer.Option(
            help="image-encoder, text-encoder, fusion, task, reader, interactor, structure, "
            "evaluation or command.",
            metavar="KIND",
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="The folder that the package's own goes into.", metavar="DIR")
    ] = Path(),
    as_json: JsonFlag = False,
) -> None:
    """Write a package with a plugin that works, its conformance test and a README."""
    from k3m_kg.cli.builtin import COMMANDS
    from k3m_kg.errors import UsageError, unknown_name
    from k3m_kg.plugin.registry import registry
    from k3m_kg.scaffold.kinds import KINDS
    from k3m_kg.scaffold.naming import names_of
    from k3m_kg.scaffold.package import new_package

    guard("--out", out)
    guard("--out", out / name)
    if kind not in KINDS:
        raise UsageError(unknown_name("plugin kind", kind, KINDS), where="--kind")
    taken = {*registry().names(kind), *(c.name for c in COMMANDS if kind == c.kind)}
    names = names_of(name, kind, taken)
    target = out / name
    files = new_package(names, kind, target)
    if as_json:
        paths = [str(target / path) for path in files]
        print_json({"kind": kind, "name": names.plugin, "package": names.package, "files": paths})
        return
    say(f"wrote {target}: " + ", ".join(map(str, files)))
    say(f"next: pip install -e {target}, then k3m-kg plugins show {names.plugin} --kind {kind}")


def _find(name: str, kind: str | None) -> Installed:
    from k3m_kg.errors import UsageError, unknown_name
    from k3m_kg.plugin.registry import registry

    if kind is not None:
        return registry().find(kind, name)
    everything = registry().installed()
    found = [item for item in everything if item.record.name == name]
    if len(found) > 1:
        kinds = ", ".join(item.record.kind for item in found)
        raise UsageError(f"several plugins are called {name!r}: {kinds}", hint="add --kind KIND")
    if not found:
        broken = "; ".join(map(str, registry().failures))
        names = {item.record.name for item in everything}
        raise UsageError(unknown_name("plugin", name, names), hint=broken or None)
    return found[0]


def _row(item: Installed) -> dict[str, Any]:
    return {
        "kind": item.record.kind,
        "name": item.record.name,
        "summary": item.record.summary,
        "package": item.package,
        "version": item.version,
        "needs": item.lacks,
    }


def _lacking(found: list[Installed]) -> dict[str, list[str]]:
    """What to install, with the plugins that need it."""
    names: dict[str, list[str]] = {}
    for item in found:
        if item.lacks:
            names.setdefault(item.lacks, []).append(item.record.name)
    return names


def _print_table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(*header, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*map(visible, row))
    with terminal() as console:
        console.print(table)
