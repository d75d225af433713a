"""Titles as a catalog has them: some facts, some synonyms, some filler, some typos."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

MENTIONED = {
    "brand": 0.8,
    "product type": 0.85,
    "material": 0.5,
    "colour": 0.35,
    "style": 0.25,
    "pattern": 0.2,
}
"""How often a title states a property; form, care, origin and warranty it never states."""

_SYNONYM_SHARE = 0.4
_TYPO_SHARE = 0.03
_SYNONYMS = {
    "mug": ("cup", "beaker"), "bottle": ("flask", "carafe"), "lamp": ("light", "luminaire"),
    "bag": ("tote", "holdall"), "shirt": ("tee", "top"), "shoe": ("sneaker", "trainer"),
    "chair": ("seat", "stool"), "hat": ("cap", "bonnet"),
    "red": ("crimson", "scarlet"), "orange": ("tangerine", "apricot"), "yellow": ("lemon",),
    "green": ("olive", "emerald"), "teal": ("turquoise", "petrol"), "blue": ("navy", "azure"),
    "purple": ("violet", "plum"), "pink": ("rose",), "brown": ("chestnut",), "grey": ("slate",),
    "striped": ("banded",), "dotted": ("polka",), "checked": ("gingham", "tartan"),
    "zigzag": ("chevron",), "plain": ("solid",),
    "minimal": ("nordic",), "retro": ("vintage",), "rustic": ("farmhouse",), "sporty": ("active",),
    "ceramic": ("stoneware",), "steel": ("metal",), "wood": ("oak", "beech"), "cotton": ("jersey",),
    "leather": ("suede",),
}  # fmt: skip
_SERIES = (
    "Alma", "Birk", "Cleo", "Dara", "Edda", "Fjord", "Gala", "Hugo", "Inka", "Juno", "Kaya", "Lova",
    "Milo", "Nils", "Odin", "Pia", "Rune", "Saga", "Tove", "Ulla", "Vela", "Ylva", "Zora", "Enzo",
)  # fmt: skip
_FILLERS = ("new", "gift", "everyday", "bestseller", "for you", "boxed", "limited", "online only")
_ORDERS = (
    ("brand", "series", "style", "colour", "pattern", "material", "product type", "filler"),
    ("colour", "pattern", "product type", "series", "material", "style", "brand", "filler"),
    ("filler", "style", "material", "product type", "brand", "series", "pattern", "colour"),
)


def write_title(
    facts: Mapping[str, str], generator: np.random.Generator
) -> tuple[str, dict[str, str]]:
    """A title for a product with these facts, and the words that state each property it states."""
    words: dict[str, str] = {}
    for name, share in MENTIONED.items():
        if generator.random() < share:
            words[name] = _spell(facts[name], generator)
    mentions = dict(words)
    words["series"] = f"{_pick(_SERIES, generator)} {generator.integers(10, 1000)}"
    if generator.random() < 0.4:
        words["filler"] = _pick(_FILLERS, generator)
    order = _ORDERS[generator.integers(len(_ORDERS))]
    title = " ".join(words[slot] for slot in order if slot in words)
    return title[0].upper() + title[1:], mentions


def _pick(choices: tuple[str, ...], generator: np.random.Generator) -> str:
    return choices[generator.integers(len(choices))]


def _spell(value: str, generator: np.random.Generator) -> str:
    word = value
    if value in _SYNONYMS and generator.random() < _SYNONYM_SHARE:
        word = _pick(_SYNONYMS[value], generator)
    if generator.random() < _TYPO_SHARE and len(word) > 3:
        place = int(generator.integers(1, len(word) - 1))
        word = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return word
