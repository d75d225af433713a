"""Makes the command of a record, whatever its factory gives."""

from __future__ import annotations

import typer
from typer.core import TyperCommand, TyperGroup

from k3m_kg.plugin.hookspecs import CommandPlugin


def command_of(record: CommandPlugin) -> TyperCommand | TyperGroup:
    """The command that a record's factory gives, under the record's name.

    Raises:
        TypeError: the factory gives neither a `typer.Typer` nor a function.
    """
    made = record.factory()
    parent = typer.Typer(add_completion=False, rich_markup_mode=None)
    parent.callback()(lambda: None)
    if isinstance(made, typer.Typer):
        parent.add_typer(made, name=record.name)
    elif callable(made):
        parent.command(record.name)(made)
    else:
        raise TypeError(f"its factory gave {type(made).__name__}, not a typer.Typer or a function")
    group = typer.main.get_command(parent)
    assert isinstance(group, TyperGroup)
    command = group.commands[record.name]
    assert isinstance(command, TyperCommand | TyperGroup)
    return command
