"""How questions about a product's properties are put into words."""

from __future__ import annotations

from collections.abc import Sequence

LANGUAGES: dict[str, tuple[str, ...]] = {
    "en": (
        "What is the {property} of this product?",
        "Which {property} does this product have?",
        "What {property} is it?",
    ),
    "de": (
        "Was ist bei diesem Produkt angegeben als {property}?",
        "Welchen Wert hat {property} bei diesem Produkt?",
    ),
    "fr": ("Quel est le {property} de ce produit ?", "{property} de ce produit : lequel ?"),
    "es": ("¿Cuál es el {property} de este producto?", "¿Qué {property} tiene este producto?"),
    "it": ("Qual è il {property} di questo prodotto?", "Che {property} ha questo prodotto?"),
    "pt": ("Qual é o {property} deste produto?", "Que {property} tem este produto?"),
    "nl": ("Wat is de {property} van dit product?", "Welke {property} heeft dit product?"),
    "zh": ("这个产品的{property}是什么?", "该商品的{property}是?"),
    "ja": ("この商品の{property}は何ですか?", "この商品の{property}を教えてください。"),
}
"""By language, some ways to ask for a property: which one a product is asked depends on it."""

_SLOT = "{property}"


def ask_of(template: str, name: str) -> str:
    """A question, with the property's name where the template says.

    Raises:
        ValueError: the template has no such place.
    """
    if _SLOT not in template:
        raise ValueError(f"a template needs {_SLOT} where the property's name goes")
    return template.replace(_SLOT, name)


def wordings(names: Sequence[str], language: str, template: str | None) -> list[list[str]]:
    """For each property name, the questions that ask for it."""
    templates = LANGUAGES[language] if template is None else (template,)
    return [[ask_of(text, name) for text in templates] for name in names]
