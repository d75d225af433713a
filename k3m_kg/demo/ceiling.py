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

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from k3m_kg.demo.generator import Mess, Truth
from k3m_kg.demo.world import PICTURED, PROPERTIES, VARIABLES, WORLD

_PLACES: dict[str, dict[str | None, int]] = {
    variable.name: {None: 0, **{value: 1 + place for place, value in enumerate(variable.values)}}
    for variable in WORLD
}
_INDICATORS = {  # row 0: nothing is known; row 1 + k: the value is the k-th
    variable.name: np.vstack([np.ones(len(variable.values)), np.eye(len(variable.values))])
    for variable in WORLD
}


@dataclass(frozen=True, slots=True)
class Sources:
    """What the reader may look at besides the question."""

    title: bool = True
    image: bool = True
    triples: bool = True


ALL_SOURCES = Sources()


def perfect_reader(
    truths: Sequence[Truth], asked: str, mess: Mess, sources: Sources = ALL_SOURCES
) -> np.ndarray:
    """(N, values) probabilities of the values of `asked` for N products, in the world's order.

    The asked triple is hidden, and so is the title's word for it where it is spelled the same.
    """
    wrong_title = mess.title_wrong / (1 - mess.title_missing)
    wrong_image = mess.image_wrong / (1 - mess.image_missing)
    triples = [_triples(truth, asked) if sources.triples else {} for truth in truths]
    titles = [_title(truth, asked) if sources.title else {} for truth in truths]
    images = [_image(truth) if sources.image else {} for truth in truths]
    total = np.zeros((len(truths), len(VARIABLES[asked].values)))
    for title, title_weight in _cases(titles, wrong_title):
        for image, image_weight in _cases(images, wrong_image):
            evidence = [triples, title, image]
            total += (title_weight * image_weight)[:, None] * _joint(asked, evidence)
    return np.asarray(total / total.sum(1, keepdims=True))


def ceiling(
    questions: Sequence[tuple[Truth, str]], mess: Mess, sources: Sources = ALL_SOURCES
) -> np.ndarray:
    """Whether the perfect reader's best guess is right, for each (product, asked property)."""
    right = np.zeros(len(questions), bool)
    for asked in PROPERTIES:
        places = [place for place, (_, name) in enumerate(questions) if name == asked]
        if places:
            truths = [questions[place][0] for place in places]
            best = perfect_reader(truths, asked, mess, sources).argmax(1)
            right[places] = [
                VARIABLES[asked].values[guess] == truth.facts[asked]
                for guess, truth in zip(best.tolist(), truths, strict=True)
            ]
    return right


_Facts = dict[str, str]


def _triples(truth: Truth, asked: str) -> _Facts:
    return {name: truth.facts[name] for name in truth.known if name != asked}


def _title(truth: Truth, asked: str) -> _Facts:
    cut = truth.mentions.get(asked) == truth.facts[asked]
    return {name: value for name, value in truth.mentioned.items() if not (cut and name == asked)}


def _image(truth: Truth) -> _Facts:
    return {name: truth.pictured[name] for name in PICTURED} if truth.pictured else {}


def _cases(facts: list[_Facts], wrong: float) -> list[tuple[list[_Facts], np.ndarray]]:
    """What a source tells if it is the product's own, and if not, each with its weight (N,)."""
    by_chance = _joint("brand", [facts]).sum(1)  # how often any product has all of these facts
    has = np.array([bool(item) for item in facts])
    return [
        (facts, np.where(has, 1 - wrong, 1.0)),
        ([{} for _ in facts], np.where(has, wrong * by_chance, 0.0)),
    ]


def _joint(asked: str, evidence: list[list[_Facts]]) -> np.ndarray:
    """(N, values): the joint probability of each value of `asked` and all of the evidence."""
    seen: dict[str, np.ndarray] = {}
    for variable in WORLD:
        places = _PLACES[variable.name]
        seen[variable.name] = np.prod(
            [
                _INDICATORS[variable.name][[places[facts.get(variable.name)] for facts in source]]
                for source in evidence
            ],
            axis=0,
        )
    columns = []
    for value in range(len(VARIABLES[asked].values)):
        only = np.zeros_like(seen[asked])
        only[:, value] = seen[asked][:, value]
        columns.append(_likelihood(seen | {asked: only}))
    return np.stack(columns, 1)


def _likelihood(seen: dict[str, np.ndarray]) -> np.ndarray:
    """(N,) probability of the evidence, given per property as (N, values) of 0 and 1.

    Sums the children out before their parents: exact, because no property has two paths to
    another one but brand and product type, which are summed together.
    """

    def told(child: str) -> np.ndarray:
        """What a child's evidence says of its only parent's values."""
        return np.asarray(seen[child] @ VARIABLES[child].table.T)

    style = seen["style"] * told("pattern") * told("colour")
    material = seen["material"] * told("care")
    kind = seen["product type"] * told("form")
    made = np.tensordot(material, VARIABLES["material"].table, (1, 2))  # (N, brands, types)
    kinds = (made * kind[:, None, :] * VARIABLES["product type"].table).sum(2)
    brand = seen["brand"] * (style @ VARIABLES["style"].table.T) * told("origin") * kinds
    by_brand = brand @ VARIABLES["brand"].table
    return np.asarray(by_brand * (seen["warranty"] @ VARIABLES["warranty"].table))
