"""The root of the command line: built-in commands and those of plugins, loaded when asked for."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

from typer.core import TyperCommand, TyperGroup

from k3m_kg import __version__
from k3m_kg.cli.builtin import COMMANDS
from k3m_kg.cli.console import note
from k3m_kg.cli.outputs import with_usable_paths
from k3m_kg.cli.unknown_options import with_setting
from k3m_kg.errors import PluginError, unknown_name
from k3m_kg.extras import missing_extra
from k3m_kg.plugin.commands import command_of
from k3m_kg.plugin.discovery import BUILT_IN, Installed, clash, discover
from k3m_kg.plugin.hookspecs import CommandPlugin

_HOOK = "k3m_kg_commands"
_BUILT_IN = {command.name: command for command in COMMANDS}
_Command = TyperCommand | TyperGroup


class Root(TyperGroup):
    """The commands, by name.

    A built-in one is found without loading any plugin. Help and an unknown name load the modules
    of other packages, and no built-in plugin.
    """

    @cached_property
    def _commands(self) -> dict[str, Installed]:
        found = {command.name: Installed(command, BUILT_IN, __version__) for command in COMMANDS}
        others = discover(built_in=False)
        for item in others.collect(_HOOK, CommandPlugin):
            name = item.record.name
            if name in found:
                raise clash(f"provide the command {name!r}", found[name], item)
            found[name] = item
        for failure in others.failures:
            note(f"warning: {failure}")
        return found

    def list_commands(self, ctx: Any) -> list[str]:
        """The built-in commands in the order of their use, then those of plugins."""
        return list(self._commands)

    def get_command(self, ctx: Any, cmd_name: str) -> _Command | None:
        """The command, made by its factory.

        Raises:
            MissingExtraError: the module of an extra is absent that its plugin imports.
            PluginError: its plugin cannot make it.
        """
        if cmd_name in _BUILT_IN:
            return _made(_BUILT_IN[cmd_name])
        item = self._commands.get(cmd_name)
        if item is None:
            return None
        assert isinstance(item.record, CommandPlugin)
        try:
            return _made(item.record)
        except (Exception, SystemExit) as error:
            broken = PluginError(
                f"the command {cmd_name!r} cannot be loaded: {type(error).__name__}: {error}",
                where=f"{item.package} {item.version}",
            )
            raise missing_extra(error) or broken from error

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first argument names; names the nearest where there is none."""
        name = args[0]
        if not name.startswith("-") and name not in _BUILT_IN and name not in self._commands:
            ctx.fail(unknown_name("command", name, self._commands))
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; a wrong option that is a setting is told as one."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            with_setting(error)
            raise

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Names and summaries; no command is loaded for it."""
        rows = [
            (name, item.record.summary + _origin(item)) for name, item in self._commands.items()
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _made(record: CommandPlugin) -> _Command:
    return command_of(replace(record, factory=lambda: with_usable_paths(record.factory())))


def _origin(item: Installed) -> str:
    return "" if item.package == BUILT_IN else f" ({item.package})"


def built_in_commands() -> dict[str, TyperCommand | TyperGroup]:
    """Every built-in command, loaded."""
    return {command.name: _made(command) for command in COMMANDS}
