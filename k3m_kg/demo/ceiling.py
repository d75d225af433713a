"""The best that anyone could do: a perfect reader of title and picture who knows the process.

The demo's products come from a known process (`k3m_kg.demo.world`), so the probability of every
value of a hidden property, given all that the catalog shows of the product, can be computed
exactly. The perfect reader sees through synonyms, typos and noise, knows every distribution and
the shares of wrong titles and pictures, but is not told which ones are wrong: it weighs the four
cases (title own or another's, picture own or another's) by how well they fit the rest. Its
accuracy on the very questions that a model is asked is the ceiling: no model can be expected to
stand above it, and what is missing to 100 % is in no data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from k3m_kg.demo.generator import Mess, Truth
from k3m_kg.demo.world import PICTURED, PROPERTIES, VARIABLES, WORLD

_LETTER = {name: chr(ord("a") + place) for place, name in enumerate(PROPERTIES)}


@dataclass(frozen=True, slots=True)
class Sources:
    """What the reader may look at besides the question."""

    title: bool = True
    image: bool = True
    triples: bool = True


ALL_SOURCES = Sources()


def perfect_reader(
    truth: Truth, asked: str, mess: Mess, sources: Sources = ALL_SOURCES
) -> np.ndarray:
    """Probabilities of the values of `asked`, in the order of the world's.

    The asked triple is hidden, and so is the title's word for it where it is spelled the same.
    """
    title = dict(truth.mentioned) if sources.title else {}
    if truth.mentions.get(asked) == truth.facts[asked]:
        title.pop(asked, None)
    image: dict[str, str] = {}
    if sources.image and truth.pictured:
        image = {name: truth.pictured[name] for name in PICTURED}
    triples: dict[str, str] = {}
    if sources.triples:
        triples = {name: truth.facts[name] for name in truth.known if name != asked}

    total = np.zeros(len(VARIABLES[asked].values))
    for title_evidence, title_weight in _cases(title, mess.title_wrong / (1 - mess.title_missing)):
        for image_evidence, image_weight in _cases(
            image, mess.image_wrong / (1 - mess.image_missing)
        ):
            evidence = (triples, title_evidence, image_evidence)
            total += title_weight * image_weight * _marginal(asked, evidence)
    return np.asarray(total / total.sum())


def ceiling(
    questions: Iterable[tuple[Truth, str]], mess: Mess, sources: Sources = ALL_SOURCES
) -> dict[str, float]:
    """The perfect reader's accuracy per property on these (product, asked property) questions."""
    right: dict[str, list[bool]] = {}
    for truth, asked in questions:
        best = VARIABLES[asked].values[int(perfect_reader(truth, asked, mess, sources).argmax())]
        right.setdefault(asked, []).append(best == truth.facts[asked])
    return {name: float(np.mean(answers)) for name, answers in right.items()}


def _cases(facts: dict[str, str], wrong: float) -> list[tuple[dict[str, str], float]]:
    """What a source tells of the product, with the weight of its being the product's own or not."""
    if not facts:
        return [({}, 1.0)]
    by_chance = _probability(tuple(sorted(facts.items())))
    return [(facts, 1 - wrong), ({}, wrong * by_chance)]


@cache
def _probability(facts: tuple[tuple[str, str], ...]) -> float:
    """How often a product of this world has all of `facts`."""
    return float(_marginal("brand", (dict(facts),)).sum())


def _marginal(asked: str, evidence: tuple[Mapping[str, str], ...]) -> np.ndarray:
    """The joint probability of each value of `asked` and all of `evidence`."""
    operands: list[Any] = [variable.table for variable in WORLD]
    for variable in WORLD:
        allowed = np.ones(len(variable.values))
        for facts in evidence:
            if variable.name in facts:
                allowed *= np.array(variable.values) == facts[variable.name]
        operands.append(allowed)
    expression, path = _contraction(asked)
    return np.asarray(np.einsum(expression, *operands, optimize=path))


@cache
def _contraction(asked: str) -> tuple[str, Any]:
    tables = [
        "".join(_LETTER[name] for name in (*variable.parents, variable.name)) for variable in WORLD
    ]
    expression = ",".join([*tables, *_LETTER.values()]) + "->" + _LETTER[asked]
    shapes = [variable.table for variable in WORLD] + [
        np.ones(len(variable.values)) for variable in WORLD
    ]
    return expression, np.einsum_path(expression, *shapes, optimize="greedy")[0]
