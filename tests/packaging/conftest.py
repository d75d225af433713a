"""A wheel of this checkout, and environments that hold it and only some of its extras."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable
from importlib.metadata import Distribution, distribution
from pathlib import Path
from random import Random

import pytest
from packaging.requirements import Requirement
from PIL import Image

from tests.sources import ROOT

MAIN = "from k3m_kg.cli.app import main; main()"


class Environment:
    """A Python with its own site-packages, used from a folder of its own."""

    def __init__(self, python: Path, folder: Path) -> None:
        self.python = python
        self.folder = folder

    def command(self, *arguments: object, expect: int = 0) -> str:
        """What `k3m-kg ARGUMENTS` prints: on standard output, or as error where one is expected."""
        done = self._run("-c", MAIN, *map(str, arguments))
        assert done.returncode == expect, f"{arguments}: {done.returncode}\n{done.stderr}"
        return done.stderr if expect else done.stdout

    def code(self, text: str) -> str:
        """What this program prints."""
        done = self._run("-c", text)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        left_out = ("PYTHONPATH", "K3M_KG_DB", "K3M_KG_PLUGINS", "K3M_KG_TRACEBACK")
        return subprocess.run(
            [self.python, "-P", *arguments],
            cwd=self.folder,
            env={k: v for k, v in os.environ.items() if k not in left_out} | {"NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = folder.glob("k3m_kg-*.whl")
    return path


@pytest.fixture(scope="session")
def environment(
    wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Environment]:
    """`environment("train")`: the wheel, and links to what pip would install for these extras.

    The distributions are those of the environment that runs the tests, found by following the
    requirements of the wheel's metadata, so that nothing else can be imported.
    """

    def make(*extras: str) -> Environment:
        home = tmp_path_factory.mktemp("-".join(["with", *extras]))
        venv.create(home, with_pip=False, symlinks=True)
        (packages,) = home.glob("lib/python*/site-packages")
        zipfile.ZipFile(wheel).extractall(packages)
        (metadata,) = packages.glob("k3m_kg-*.dist-info")
        for needed in closure(Distribution.at(metadata), frozenset(extras)):
            _link(needed, packages)
        folder = home / "work"
        folder.mkdir()
        return Environment(home / "bin" / "python", folder)

    return make


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
