"""Values that say nothing: they stay in the graph, and no model learns or proposes them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from k3m_kg.graph.stored import StoredProduct
from k3m_kg.placeholders import says_nothing
from k3m_kg.snapshot.settings import CATEGORY

_KNOWN = 200_000
_EXAMPLES = 3


class Placeholders:
    """Leaves them out of products, and counts them."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], bool] = {}
        self._texts: Counter[str] = Counter()
        self._products: list[str] = []
        self._count = 0

    def without(self, product: StoredProduct) -> StoredProduct:
        """The product as if nobody had stated such values; the same one if nobody did."""
        category = product.category
        nothing = [pair for pair in product.triples if self._is_one(pair)]
        no_category = category is not None and self._is_one((CATEGORY, category))
        rejected = tuple(pair for pair in product.rejected if not self._is_rejected(pair))
        if not nothing and not no_category and rejected == product.rejected:
            return product
        self._texts.update(value[:40] for _, value in nothing)
        if category is not None and no_category:
            self._texts[category[:40]] += 1
        self._count += len(nothing) + no_category
        if (nothing or no_category) and len(self._products) < _EXAMPLES:
            self._products.append(product.id)
        return replace(
            product,
            category=None if no_category else category,
            triples=tuple(pair for pair in product.triples if not self._is_one(pair)),
            rejected=rejected,
        )

    def _is_rejected(self, pair: tuple[str | None, str]) -> bool:
        name, value = pair
        return self._is_one((CATEGORY if name is None else name, value))

    def _is_one(self, pair: tuple[str, str]) -> bool:
        found = self._known.get(pair)
        if found is None:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            found = self._known[pair] = says_nothing(pair[1], pair[0])
        return found

    def notes(self) -> list[dict[str, Any]]:
        """What was left out, as in the manifest."""
        if not self._count:
            return []
        most = ", ".join(f"{text!r} ({n:,})" for text, n in self._texts.most_common(5))
        return [
            {
                "message": f"{self._count:,} values that say nothing left out: {most}; "
                "--placeholders keeps them",
                "count": self._count,
                "products": self._products,
            }
        ]
