"""Every block of code of every page runs, or says why not; what it is said to print, it prints.

In `docs/tutorial`, `docs/howto` and `docs/index.md` a page's blocks run in order, in one folder.
After a block a comment may say otherwise:

    <!-- not run: why -->       it is checked only: its commands and options exist
    <!-- fails: why -->         it must not succeed

and before one

    <!-- file NAME -->          it is a file of the page
    <!-- config CLASS -->       it is a config that validates

    <!-- part CLASS -->         it is a part of one: with what must be there, it validates

A `text` block right after one that ran shows output: each of its lines must be in what was printed.
On all other pages commands and code say `<!-- run -->` before them, or why they do not run after
them, and data is read by what reads its format. Commands that are indented, as in benchmarks, take
minutes or hours: names and options are checked. The log and the decisions tell what was done on
their day, by commands of that day.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import rdflib
import yaml
from typer.testing import CliRunner

from k3m_kg.config import RunConfig, validate_settings
from k3m_kg.kge.settings import KgeConfig
from k3m_kg.readers.mapping import Mapping
from tests.sources import ROOT

DOCS = ROOT / "docs"
RUN = [
    DOCS / "index.md",
    *sorted((DOCS / "tutorial").glob("*.md")),
    *sorted((DOCS / "howto").glob("*.md")),
]
OF_THEIR_DAY = [DOCS / "log.md", *sorted((DOCS / "decisions").glob("*.md"))]
CHECKED = [
    *(ROOT / "README.md", ROOT / "CONTRIBUTING.md"),
    *(page for page in sorted(DOCS.rglob("*.md")) if page not in RUN),
    *sorted((ROOT / "examples").rglob("*.md")),
]
ELSEWHERE = {
    # pages whose blocks other tests run, all of them
    "README.md": "tests/test_docs.py",
    "docs/plugins.md": "tests/test_docs.py",
    "examples/exports/README.md": "tests/test_example_exports.py",
}
PAGES = [*RUN, *CHECKED]
BLOCK = re.compile(
    r"(?:^<!-- (?P<before>[^\n]*) -->\n)?^```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^```$"
    r"(?:\n<!-- (?P<after>(?:not run|fails): [^\n]*) -->)?",
    re.MULTILINE | re.DOTALL,
)
INDENTED = re.compile(
    r"^    ((?:k3m-kg|python -m benchmarks|make) (?:[^\n]*\\\n)*[^\n]*)", re.MULTILINE
)
CONFIGS: dict[str, type[Any]] = {
    "RunConfig": RunConfig,
    "KgeConfig": KgeConfig,
    "Mapping": Mapping,
}
NEEDED = {"snapshot": "snapshots", "output": "models/first"}
READ: dict[str, Callable[[str], Any]] = {
    "yaml": yaml.safe_load,
    "json": json.loads,
    "toml": tomllib.loads,
    "xml": ElementTree.fromstring,
    "turtle": lambda text: rdflib.Graph().parse(data=text, format="turtle"),
}


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@dataclass
class Block:
    """A block of code of a page, with what is said of it."""

    language: str
    text: str
    before: str
    after: str

    @property
    def runs(self) -> bool:
        return not self.after.startswith("not run")

    def commands(self) -> Iterator[list[str]]:
        """The words of each line that calls k3m-kg, without what a shell reads of it."""
        for line in self.text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            while words and re.fullmatch(r"[A-Z_0-9]+=\S*", words[0]):
                words = words[1:]
            if words[:1] == ["k3m-kg"]:
                end = next((i for i, word in enumerate(words) if word in "|>"), len(words))
                yield words[1:end]


def blocks(page: Path) -> list[Block]:
    return [
        Block(m["language"], m["text"], m["before"] or "", m["after"] or "")
        for m in BLOCK.finditer(page.read_text(encoding="utf-8"))
    ]


@cache
def built_in() -> dict[str, Any]:
    """Every command, loaded once for all pages."""
    from k3m_kg.cli.root import built_in_commands

    return dict(built_in_commands())


def parameters(words: list[str]) -> tuple[set[str], list[str]]:
    """The options that a command has, and those words that are options."""
    command: Any = built_in()[words[0]]
    known = {
        option
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    for word in words[1:]:
        inner = getattr(command, "commands", {})
        if word in inner:
            command = inner[word]
        elif inner and not word.startswith("-") and "cut" in inner:
            command = inner["cut"]  # `k3m-kg snapshot OUT`
        known |= {
            option
            for parameter in command.params
            for option in (*parameter.opts, *parameter.secondary_opts)
        }
    used = [word.partition("=")[0] for word in words[1:] if re.match(r"--?[a-z]", word)]
    return known | {"--help"}, used


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_and_options_exist(page: Path) -> None:
    names = built_in().keys()
    for block in blocks(page):
        if block.language not in ("sh", "console"):
            continue
        for words in block.commands():
            assert not words or words[0].startswith("-") or words[0] in names, words
            if words and words[0] in names:
                known, used = parameters(words)
                assert set(used) <= known, f"k3m-kg {shlex.join(words)}"


@pytest.mark.parametrize("page", [page for page in PAGES if page not in OF_THEIR_DAY], ids=name_of)
def test_indented_commands_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    code = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for found in INDENTED.finditer(code):
        words = shlex.split(found[1].replace("\\\n", " ").replace("[", "").replace("]", ""), True)
        if words[0] == "make":
            assert f"\n{words[1]}:" in makefile, words
        elif words[0] == "python":
            asked = (ROOT / "benchmarks" / f"{words[3]}.py").read_text(encoding="utf-8")
            for option in (word for word in words if word.startswith("--")):
                assert f'"{option}"' in asked, words
        else:
            known, used = parameters(words[1:])
            assert set(used) <= known, words


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_data_can_be_read(page: Path) -> None:
    for block in blocks(page):
        if block.language in READ:
            READ[block.language](block.text)
        elif block.language == "python":
            compile(block.text, name_of(page), "exec")
        else:
            assert block.language in ("sh", "console", "text"), block.language


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_block_that_does_not_run_says_why(page: Path) -> None:
    for block in blocks(page):
        if block.after:
            reason = block.after.partition(": ")[2]
            assert len(reason.split()) >= 3, block.text
            for path in re.findall(r"(?:tests|benchmarks)/[\w/.]*\w", reason):
                assert (ROOT / path).exists(), path
        elif block.language in ("sh", "console", "python") and name_of(page) not in ELSEWHERE:
            assert page in RUN or block.before == "run", f"why is this not run?\n{block.text}"


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page in RUN or any(block.before for block in blocks(page))],
    ids=name_of,
)
def test_blocks_run_in_order(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("K3M_KG_DB", "K3M_KG_TRACE_PLUGINS"):
        monkeypatch.delenv(name, raising=False)
    for file in page.parent.glob("*.csv") if page.parent.name == "tutorial" else ():
        shutil.copy(file, tmp_path)
    printed: str | None = None
    for block in blocks(page):
        kind, _, argument = block.before.partition(" ")
        if kind == "file":
            (tmp_path / argument).write_text(block.text, encoding="utf-8")
        elif kind in ("config", "part"):
            given = yaml.safe_load(block.text)
            needed = NEEDED if kind == "part" else {}
            validate_settings(CONFIGS[argument], needed | given, name_of(page))
        elif block.language == "text":
            if printed is not None:
                shows(block.text, printed)
        elif not block.runs or (page not in RUN and kind != "run"):
            printed = None
        elif block.language == "sh":
            printed = run(block, tmp_path, monkeypatch)
        elif block.language == "python":
            code = [sys.executable, "-c", block.text]
            done = subprocess.run(code, cwd=tmp_path, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            printed = done.stdout
        else:
            assert block.language in ("yaml", "toml", "json"), block.language


def shows(text: str, printed: str) -> None:
    """Each line stands in what was printed, in order; `...` stands for anything."""
    place = 0
    for line in filter(str.strip, text.splitlines()):
        parts = (r"\s+".join(map(re.escape, part.split())) for part in line.split("..."))
        found = re.compile(r"[^\n]*".join(parts)).search(printed, place)
        assert found, f"{line!r} is not (after the lines before it) in:\n{printed}"
        place = found.end()


def run(block: Block, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the lines of a block print, one after another."""
    printed, failed = [], False
    for line in block.text.replace("\\\n", " ").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        given = re.match(r"((?:[A-Z_0-9]+=\S* )*)k3m-kg ([^|>]*)$", line)
        if given:
            with monkeypatch.context() as patch:
                for name, _, value in (pair.partition("=") for pair in given[1].split()):
                    patch.setenv(name, value)
                code, text = k3m_kg(shlex.split(given[2], comments=True))
        else:
            code, text = shell(line, folder)
        printed.append(text)
        failed = failed or code != 0
        assert code == 0 or block.after.startswith("fails"), f"{line}\n{text}"
    assert failed == block.after.startswith("fails"), block.text
    return "\n".join(printed)


def k3m_kg(words: list[str]) -> tuple[int, str]:
    """Run a command in this process, which is a second faster than in another."""
    from k3m_kg.cli.app import app
    from k3m_kg.errors import K3MError

    result = CliRunner().invoke(app, words, env={"COLUMNS": "100", "TERMINAL_WIDTH": "100"})
    if result.exception is not None and not isinstance(result.exception, K3MError | SystemExit):
        raise result.exception
    said = f"\nerror: {result.exception}" if isinstance(result.exception, K3MError) else ""
    return result.exit_code, result.output + said


def shell(line: str, folder: Path) -> tuple[int, str]:
    tools = folder / ".tools"
    if not tools.exists():
        tools.mkdir()
        (tools / "k3m-kg").write_text(f'#!/bin/sh\nexec {sys.executable} -m k3m_kg "$@"\n')
        (tools / "k3m-kg").chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env=os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr
