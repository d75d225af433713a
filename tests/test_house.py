"""The code keeps to its own plan: no circles, layers, no back doors, one name for one thing.

import-linter looks at what is imported when a module is; these tests also look inside functions and
under TYPE_CHECKING, where a circle is only hidden. Each list of exceptions must be exact: what is
mended is struck off it, or the test fails.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator

import networkx

from tests.sources import ROOT, Module, imports, modules

CIRCLES: list[set[str]] = []

UPWARDS: dict[tuple[str, str], str] = {
    ("k3m_kg.plugin.hookspecs", "k3m_kg.contracts"): (
        "the records name, for the type checker alone, what their factories build"
    ),
}

SAME_NAME: dict[str, str] = {}

BACK_DOORS: dict[tuple[str, str], str] = {}

CLOCK = re.compile(
    r"\btime\.(sleep|time|monotonic|perf_counter|process_time)(?:_ns)?\("
    r"|\.(wait|join|communicate)\((?:timeout=)?\d|\b(timeout|deadline)=\d"
)
CLOCKS: dict[tuple[str, str], str] = {
    ("databases.py", "timeout"): "of a download; without it, tests of PostgreSQL are skipped",
    ("ingest/test_interruption.py", "monotonic"): "an ingest is killed within the time of another",
    ("ingest/test_interruption.py", "sleep"): "a kill at any moment, too late or early as well",
    ("pictures/test_fetch.py", "monotonic"): "what waits for a second may wait for longer",
    ("pictures/test_fetch.py", "time"): "a date that is a day away",
    ("snapshot/test_build.py", "time"): "what a manifest may not hold",
}
"""Tests may look at a clock or wait for some time only where no machine is too slow for them."""


def edges() -> set[tuple[str, str]]:
    known = modules()
    return {
        (found.importer, found.target)
        for module in known.values()
        for found in imports(module)
        if found.target in known and found.target != found.importer
    }


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = networkx.DiGraph(edges())
    circles = [found for found in networkx.strongly_connected_components(graph) if len(found) > 1]
    assert sorted(map(sorted, circles)) == sorted(map(sorted, CIRCLES))


def ranks() -> dict[str, int]:
    """Of each room in the layers of import-linter: what stands higher may import what is lower."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (layers,) = (
        contract["layers"]
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers" and "containers" not in contract
    )
    return {
        room.strip(): -place
        for place, line in enumerate(layers)
        for room in line.replace("|", ":").split(":")
    }


def test_every_room_of_the_package_has_its_layer() -> None:
    rooms = {module.room for module in modules().values() if module.name.startswith("k3m_kg.")}
    assert rooms == set(ranks())


def test_built_in_plugins_may_import_no_room_but_the_api() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (kept,) = (one for one in contracts if one["name"].startswith("built-in plugins use"))
    assert set(kept["forbidden_modules"]) == set(ranks()) - {"k3m_kg.api"}


def test_every_plugin_package_is_typed_layered_and_shipped() -> None:
    plugins = {folder.name for folder in (ROOT / "plugins").iterdir() if folder.is_dir()}
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert set(tool["mypy"]["packages"]) == {"k3m_kg", *plugins}
    assert set(tool["importlinter"]["root_packages"]) == {"k3m_kg", *plugins}
    wheel = tool["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert set(wheel) == {"k3m_kg", *(f"plugins/{name}" for name in plugins)}


def test_nothing_is_imported_against_the_layers_even_out_of_sight() -> None:
    rank, room = ranks(), {name: module.room for name, module in modules().items()}
    upwards = {
        (importer, target)
        for importer, target in edges()
        if room[importer] != room[target]
        and room[importer] in rank
        and room[target] in rank
        and rank[room[importer]] <= rank[room[target]]
    }
    assert upwards == set(UPWARDS)


def test_built_in_plugins_import_nothing_but_the_api_and_themselves() -> None:
    room = {name: module.room for name, module in modules().items()}
    beyond = {
        (importer, target)
        for importer, target in edges()
        if not importer.startswith("k3m_kg.")
        and room[importer] != "k3m_kg"
        and room[target] not in (room[importer], "k3m_kg.api")
    }
    assert beyond == set()


def test_the_core_names_no_plugin_package() -> None:
    packages = {module.room for name, module in modules().items() if name.startswith("k3m_kg_")}
    room = {name: module.room for name, module in modules().items()}
    named = {
        pair for pair in edges() if pair[0].startswith("k3m_kg.") and room[pair[1]] in packages
    }
    assert named == set()


def test_a_public_class_name_means_one_thing() -> None:
    where = defaultdict(list)
    for module in modules().values():
        for node in module.tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                where[node.name].append(module.name)
    assert {name for name, found in where.items() if len(found) > 1} == set(SAME_NAME)


def test_no_test_depends_on_the_clock() -> None:
    tests = ROOT / "tests"
    found = {
        (path.relative_to(tests).as_posix(), next(filter(None, match.groups())))
        for path in tests.rglob("*.py")
        for match in CLOCK.finditer(path.read_text(encoding="utf-8"))
    }
    assert found == set(CLOCKS), "wait for what is to happen, see tests/processes.py"


# Back doors: what the core knows of its own built-ins and could not know of a stranger's.

ASKED_FOR = {"scorer", "describe"}
"""Attributes that are no part of a contract and that some built-ins have."""


def test_the_core_asks_no_built_in_who_it_is() -> None:
    built_in = classes_behind_contracts()
    found = {
        (module.name, what)
        for module in modules().values()
        if module.name.startswith("k3m_kg.")
        for what in back_doors(module, built_in)
    }
    assert found == set(BACK_DOORS)


def classes_behind_contracts() -> dict[tuple[str, str], str]:
    """Where each class that implements a contract is, by module and name, with its room."""
    contracts = {
        (name, node.name)
        for name, module in modules().items()
        if module.room == "k3m_kg.contracts"
        for node in module.tree.body
        if isinstance(node, ast.ClassDef)
    }
    names = {name for _, name in contracts}
    return {
        (module.name, node.name): module.room
        for module in modules().values()
        if module.room != "k3m_kg.contracts"
        for node in module.tree.body
        if isinstance(node, ast.ClassDef)
        and any(isinstance(base, ast.Name) and base.id in names for base in node.bases)
    }


def back_doors(module: Module, built_in: dict[tuple[str, str], str]) -> Iterator[str]:
    origin = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Compare) and _says(node, "k3m-kg"):
            yield ast.unparse(node)
        if not isinstance(node, ast.Call):
            continue
        asked = node.func.id if isinstance(node.func, ast.Name) else ""
        if asked in ("getattr", "hasattr"):
            back_door = isinstance(node.args[1], ast.Constant) and node.args[1].value in ASKED_FOR
        elif asked == "isinstance":
            names = [part.id for part in ast.walk(node.args[1]) if isinstance(part, ast.Name)]
            rooms = {built_in.get(origin.get(name, ("", ""))) for name in names}
            back_door = bool(rooms - {None, module.room})
        else:  # type(reader).__module__.startswith("k3m_kg.")
            back_door = ast.unparse(node.func).endswith("__module__.startswith")
        if back_door:
            yield ast.unparse(node)


def _says(node: ast.AST, text: str) -> bool:
    return any(isinstance(part, ast.Constant) and part.value == text for part in ast.walk(node))


def test_a_decision_has_a_number_of_its_own() -> None:
    pages = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    numbers = [name[:4] for name in pages]
    assert [name for name in pages if numbers.count(name[:4]) > 1] == []
    for name in pages:
        first = (ROOT / "docs" / "decisions" / name).read_text(encoding="utf-8").split("\n", 1)[0]
        assert first.startswith(f"# {int(name[:4])}. "), name


def test_a_line_of_the_glossary_explains_what_no_other_does() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    begun = re.findall(r"^- (\*[^*]+\*)", text, re.MULTILINE)
    assert [word for word in begun if begun.count(word) > 1] == []
