"""docs/security.md names options and variables that there are."""

from __future__ import annotations

import re

from k3m_kg.cli.root import built_in_commands
from tests.sources import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def options() -> set[str]:
    """Every option of every built-in command."""
    found: set[str] = set()
    waiting = list(built_in_commands().values())
    while waiting:
        command = waiting.pop()
        waiting += getattr(command, "commands", {}).values()
        for parameter in command.params:
            found.update(parameter.opts)
    return found


def test_every_option_on_the_page_exists() -> None:
    named = set(re.findall(r"--[a-z][a-z-]+", PAGE))
    of_others = {"--template", "--encoding"}  # of createdb
    assert named - of_others <= options()
    assert len(named) > 15


def test_every_variable_on_the_page_is_read() -> None:
    sources = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "k3m_kg").rglob("*.py"))
    for name in set(re.findall(r"\bK3M_KG_[A-Z_]+", PAGE)):
        assert name in sources, name


def test_every_file_on_the_page_is_there() -> None:
    for name in set(re.findall(r"`((?:k3m_kg|tests)/[\w/]+\.py)`", PAGE)):
        assert (ROOT / name).is_file(), name


def test_limits_on_the_page_are_those_of_the_code() -> None:
    from k3m_kg.config import bounds, yaml_text
    from k3m_kg.rdf import nesting, sparql
    from k3m_kg.readers import cells
    from k3m_kg.snapshot.settings import MAX_IMAGE_SIZE

    shown = (
        yaml_text.MAX_CHARACTERS, yaml_text.MAX_DEPTH, yaml_text.MAX_NODES, nesting.MAX_DEPTH,
        sparql.LONGEST, cells.MAX_COLUMNS, MAX_IMAGE_SIZE, bounds.MAX_WIDTH, bounds.MAX_BATCH,
        bounds.MAX_EPOCHS, bounds.MAX_THREADS,
    )  # fmt: skip
    for number in shown:
        assert f"{number:,}" in PAGE, number
