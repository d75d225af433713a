"""Conformance tests for a sub-command of `k3m-kg`."""

from __future__ import annotations

import re
from abc import abstractmethod

import pytest

from k3m_kg.plugin.commands import command_of
from k3m_kg.plugin.hookspecs import CommandPlugin

_LONGEST = 72


class CommandCase:
    """Subclass this and give `build() -> CommandPlugin`."""

    @abstractmethod
    def build(self) -> CommandPlugin:
        """The record under test."""

    def test_name_and_summary_fit_the_list_of_commands(self) -> None:
        """A name as people type it, and one line."""
        record = self.build()
        assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", record.name)
        assert 0 < len(record.summary) <= _LONGEST
        assert record.summary.isprintable()

    def test_help_is_printed(self, capsys: pytest.CaptureFixture[str]) -> None:
        """`--help` ends well and says something, as often as it is asked."""
        for _ in range(2):
            with pytest.raises(SystemExit) as ended:
                command_of(self.build())(["--help"], prog_name="k3m-kg")
            assert not ended.value.code
            assert "Usage: k3m-kg" in capsys.readouterr().out

    def test_an_unknown_option_is_wrong_use(self) -> None:
        """Exit code 2."""
        with pytest.raises(SystemExit) as ended:
            command_of(self.build())(["--no-such-option-at-all"], prog_name="k3m-kg")
        assert ended.value.code == 2
