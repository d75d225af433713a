"""A wheel of this checkout, and environments that hold it and only some of its extras."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable, Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path
from random import Random
from typing import Any

import pytest
from packaging.requirements import Requirement
from PIL import Image

from tests.sources import ROOT

COMMANDS = """
import contextlib, io, json, os, sys
from k3m_kg.cli.app import main

asked, sys.stdin = sys.stdin, open(os.devnull)
for line in asked:
    sys.argv = ["k3m-kg", *json.loads(line)]
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    print(json.dumps([code, out.getvalue(), err.getvalue()]), flush=True)
"""
LEFT_OUT = ("PYTHONPATH", "K3M_KG_DB", "K3M_KG_PLUGINS", "K3M_KG_TRACEBACK")


class Environment:
    """A Python with its own site-packages, used from a folder of its own.

    One process runs its commands one after another: it imports what they need once.
    """

    def __init__(self, python: Path, folder: Path) -> None:
        self.python = python
        self.folder = folder
        self._process: subprocess.Popen[str] | None = None

    def command(self, *arguments: object, expect: int = 0) -> str:
        """What `k3m-kg ARGUMENTS` prints: on standard output, or as error where one is expected."""
        if self._process is None:
            self._process = subprocess.Popen(
                [self.python, "-P", "-c", COMMANDS],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                **self._place(),
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([str(part) for part in arguments]) + "\n")
        self._process.stdin.flush()
        code, out, err = json.loads(self._process.stdout.readline())
        assert code == expect, f"{arguments}: {code}\n{err}"
        return str(err if expect else out)

    def code(self, text: str) -> str:
        """What this program prints."""
        done = subprocess.run(
            [self.python, "-P", "-c", text],
            capture_output=True,
            text=True,
            check=False,
            **self._place(),
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def close(self) -> None:
        """End the process of its commands."""
        if self._process is not None:
            self._process.communicate()

    def _place(self) -> dict[str, Any]:
        kept = {name: text for name, text in os.environ.items() if name not in LEFT_OUT}
        return {"cwd": self.folder, "env": kept | {"NO_COLOR": "1"}}


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = folder.glob("k3m_kg-*.whl")
    return path


@pytest.fixture(scope="session")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is in the wheel, in one place: what one environment compiles, the others have."""
    folder = tmp_path_factory.mktemp("unpacked")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


@pytest.fixture(scope="session")
def environment(
    unpacked: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Environment]]:
    """`environment("train")`: links to the wheel and what pip would install for these extras.

    The distributions are those of the environment that runs the tests, found by following the
    requirements of the wheel's metadata, so that nothing else can be imported.
    """

    made: list[Environment] = []

    def make(*extras: str) -> Environment:
        home = tmp_path_factory.mktemp("-".join(["with", *extras]))
        venv.create(home, with_pip=False, symlinks=True)
        (packages,) = home.glob("lib/python*/site-packages")
        for top in unpacked.iterdir():
            (packages / top.name).symlink_to(top)
        (metadata,) = packages.glob("k3m_kg-*.dist-info")
        for needed in closure(Distribution.at(metadata), frozenset(extras)):
            _link(needed, packages)
        folder = home / "work"
        folder.mkdir()
        made.append(Environment(home / "bin" / "python", folder))
        return made[-1]

    yield make
    for each in made:
        each.close()


def closure(start: Distribution, extras: frozenset[str]) -> list[Distribution]:
    """All that `start` with `extras` requires, directly or not, without itself."""
    asked: dict[str, set[str]] = {}
    found: dict[str, Distribution] = {start.name: start}
    waiting = [(start.name, extras)]
    while waiting:
        name, wanted = waiting.pop()
        if name in asked and wanted <= asked[name]:
            continue
        asked[name] = asked.get(name, set()) | wanted
        for text in found[name].requires or ():
            needed = Requirement(text)
            if any(
                needed.marker is None or needed.marker.evaluate({"extra": extra})
                for extra in (asked[name] or {""})
            ):
                found.setdefault(needed.name, distribution(needed.name))
                waiting.append((needed.name, frozenset(needed.extras)))
    return [item for name, item in found.items() if name != start.name]


def _link(found: Distribution, packages: Path) -> None:
    tops = {path.parts[0] for path in found.files or ()}
    for top in tops - {"..", "__pycache__"}:
        target = packages / top
        if not target.exists():
            target.symlink_to(Path(str(found.locate_file(top))))


COLOURS = ("red", "green", "blue")
PRODUCTS = 60


def make_a_snapshot(env: Environment) -> None:
    """A catalog file with pictures, in the graph and as the snapshot `cuts`."""
    lines = ["id,name,photo,colour,shape"]
    for n in range(PRODUCTS):
        Image.frombytes("RGB", (32, 32), Random(n).randbytes(32 * 32 * 3)).save(
            env.folder / f"{n}.png"
        )
        lines.append(f"{n},cup {n},{n}.png,{COLOURS[n % 3]},{('round', 'square')[n % 2]}")
    (env.folder / "catalog.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (env.folder / "mapping.yaml").write_text(
        "{id: id, title: name, image: photo, properties: [colour, shape]}\n"
    )
    read = env.command("ingest", "catalog.csv", "--mapping", "mapping.yaml", "--json")
    counts = json.loads(read)
    assert (counts["products_added"], counts["triples_added"]) == (PRODUCTS, 2 * PRODUCTS)
    cut = json.loads(env.command("snapshot", "cuts", "--holdout", "0.3", "--json"))
    assert cut["products"] == PRODUCTS
    env.command("snapshot", "verify", cut["path"])
    env.command("snapshot", "export", cut["path"], "exported")


def use_the_graph(env: Environment) -> None:
    """Every graph command."""
    env.command("init")
    env.command("migrate")
    make_a_snapshot(env)
    assert json.loads(env.command("status", "--json"))["products"] == PRODUCTS
    env.command("validate")
    assert "1" in env.command("sources")
    env.command("export", "graph.ttl")
    assert "cup 7" in (env.folder / "graph.ttl").read_text(encoding="utf-8")
    env.command("export", "tables", "--format", "parquet")
    assert (env.folder / "tables" / "triples.parquet").exists()
    query = "SELECT (COUNT(*) AS ?n) WHERE { ?p a schema:Product }"
    assert str(PRODUCTS) in env.command("sparql", query)
    assert json.loads(env.command("diff", "--json"))
    assert json.loads(env.command("undo", "1", "--json"))
