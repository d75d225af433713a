"""The process that the demo's products are drawn from: a small, fully known Bayesian network.

    brand ─┬─> origin
           ├─> style ─┬─> pattern
           │          └─> colour
           └─> product type ─> form
                   └──┬──> material ──> care          warranty (depends on nothing)
           brand ─────┘

Because the process is known, so is the best that anyone could do with what is observable: see
`k3m_kg.demo.ceiling`. Nothing here is read by the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

BRANDS = (
    "Arvenna", "Bostrel", "Calyndo", "Dovrin", "Elmhart", "Fennisk",
    "Garrowby", "Hestora", "Ilvani", "Jorvet", "Kessmar", "Lundeby",
)  # fmt: skip
TYPES = ("mug", "bottle", "lamp", "bag", "shirt", "shoe", "chair", "hat")
STYLES = ("minimal", "retro", "rustic", "sporty")
COLOURS = (
    "red", "orange", "yellow", "green", "teal", "blue", "purple", "pink", "brown", "grey",
)  # fmt: skip
PATTERNS = ("plain", "striped", "dotted", "checked", "zigzag")
FORMS = ("tall", "regular", "wide")
MATERIALS = ("ceramic", "glass", "steel", "wood", "cotton", "linen", "leather", "canvas")
CARE = ("dishwasher", "wipe clean", "machine wash", "hand wash", "polish")
ORIGINS = ("Portugal", "Poland", "Vietnam", "India")
WARRANTIES = ("one year", "two years", "three years")

DEPARTMENTS = {
    "mug": "kitchen", "bottle": "kitchen", "lamp": "home", "chair": "home",
    "shirt": "clothing", "hat": "clothing", "bag": "accessories", "shoe": "accessories",
}  # fmt: skip

_EVERY_BRAND = range(len(BRANDS))

PICTURED = ("product type", "colour", "pattern", "form")
"""What a picture shows."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One property of the world.

    Attributes:
        name: the property.
        values: what it may be.
        parents: the properties it depends on.
        table: probabilities, one axis per parent in order, then the property's own.
    """

    name: str
    values: tuple[str, ...]
    parents: tuple[str, ...]
    table: np.ndarray


def _peaked(values: int, peak: int, weight: float) -> np.ndarray:
    """`weight` on one value, the rest shared equally."""
    row = np.full(values, (1 - weight) / (values - 1))
    row[peak] = weight
    return row


def _by_name(
    names: tuple[str, ...], weights: Mapping[str, float], floor: float = 0.0
) -> np.ndarray:
    row = np.array([weights.get(name, floor) for name in names])
    return np.asarray(row / row.sum())


def _brand_types() -> np.ndarray:
    """Every brand makes four types well and the others now and then."""
    rows = []
    for brand in _EVERY_BRAND:
        row = np.full(len(TYPES), 0.03)
        for step in range(4):
            row[(brand * 3 + step * (1 + brand % 2)) % len(TYPES)] += 0.22
        rows.append(row / row.sum())
    return np.array(rows)


_MATERIAL_OF: dict[str, tuple[dict[str, float], dict[str, float]]] = {
    # of everyday brands, of premium brands
    "mug": ({"ceramic": 0.8, "glass": 0.15, "steel": 0.05}, {"steel": 0.7, "ceramic": 0.3}),
    "bottle": ({"glass": 0.7, "steel": 0.3}, {"steel": 0.85, "glass": 0.15}),
    "lamp": ({"steel": 0.6, "ceramic": 0.4}, {"wood": 0.6, "glass": 0.4}),
    "bag": ({"canvas": 0.7, "cotton": 0.3}, {"leather": 0.85, "canvas": 0.15}),
    "shirt": ({"cotton": 0.9, "linen": 0.1}, {"linen": 0.8, "cotton": 0.2}),
    "shoe": ({"canvas": 0.75, "leather": 0.25}, {"leather": 0.9, "canvas": 0.1}),
    "chair": ({"wood": 0.7, "steel": 0.3}, {"wood": 0.6, "leather": 0.4}),
    "hat": ({"cotton": 0.75, "canvas": 0.25}, {"linen": 0.5, "leather": 0.5}),
}
PREMIUM = frozenset({"Bostrel", "Elmhart", "Hestora", "Ilvani", "Lundeby"})

_STYLE_PATTERNS = {
    "minimal": {"plain": 0.7, "striped": 0.15, "dotted": 0.05, "checked": 0.05, "zigzag": 0.05},
    "retro": {"plain": 0.1, "striped": 0.15, "dotted": 0.45, "checked": 0.1, "zigzag": 0.2},
    "rustic": {"plain": 0.2, "striped": 0.1, "dotted": 0.05, "checked": 0.55, "zigzag": 0.1},
    "sporty": {"plain": 0.15, "striped": 0.45, "dotted": 0.05, "checked": 0.05, "zigzag": 0.3},
}
_STYLE_COLOURS = {
    "minimal": {"grey": 5, "blue": 3, "teal": 2},
    "retro": {"orange": 4, "yellow": 3, "pink": 3, "purple": 2},
    "rustic": {"brown": 5, "green": 4, "red": 2},
    "sporty": {"red": 4, "blue": 4, "green": 2, "purple": 2},
}
_CARE_OF = {
    "ceramic": "dishwasher", "glass": "dishwasher", "steel": "wipe clean", "wood": "polish",
    "cotton": "machine wash", "linen": "hand wash", "leather": "polish", "canvas": "hand wash",
}  # fmt: skip


def _world() -> tuple[Variable, ...]:
    brands = np.array([14, 12, 11, 10, 9, 9, 8, 7, 6, 5, 5, 4], dtype=float)
    style = np.array([_peaked(len(STYLES), i * 5 % len(STYLES), 0.82) for i in _EVERY_BRAND])
    origin = np.array([_peaked(len(ORIGINS), i * 7 % len(ORIGINS), 0.91) for i in _EVERY_BRAND])
    pattern = np.array([_by_name(PATTERNS, _STYLE_PATTERNS[name]) for name in STYLES])
    colour = np.array([_by_name(COLOURS, _STYLE_COLOURS[name], floor=1) for name in STYLES])
    form = np.array([_peaked(len(FORMS), i % len(FORMS), 0.5) for i in range(len(TYPES))])
    material = np.array(
        [
            [_by_name(MATERIALS, _MATERIAL_OF[kind][brand in PREMIUM]) for kind in TYPES]
            for brand in BRANDS
        ]
    )
    care = np.array([_peaked(len(CARE), CARE.index(_CARE_OF[name]), 0.94) for name in MATERIALS])
    return (
        Variable("brand", BRANDS, (), brands / brands.sum()),
        Variable("product type", TYPES, ("brand",), _brand_types()),
        Variable("style", STYLES, ("brand",), style),
        Variable("pattern", PATTERNS, ("style",), pattern),
        Variable("colour", COLOURS, ("style",), colour),
        Variable("form", FORMS, ("product type",), form),
        Variable("material", MATERIALS, ("brand", "product type"), material),
        Variable("care", CARE, ("material",), care),
        Variable("origin", ORIGINS, ("brand",), origin),
        Variable("warranty", WARRANTIES, (), np.array([0.5, 0.3, 0.2])),
    )


WORLD = _world()
PROPERTIES = tuple(variable.name for variable in WORLD)
VARIABLES = {variable.name: variable for variable in WORLD}


def draw(generator: np.random.Generator) -> dict[str, str]:
    """The facts of one product: a value for every property."""
    chosen: dict[str, int] = {}
    for variable in WORLD:
        row = variable.table[tuple(chosen[parent] for parent in variable.parents)]
        chosen[variable.name] = int(generator.choice(len(row), p=row))
    return {name: VARIABLES[name].values[index] for name, index in chosen.items()}
