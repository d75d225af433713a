"""What an embedding model's labels.json holds."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict, model_validator

from k3m_kg.kge.data import VALUE
from k3m_kg.manifests import Count


class KgeLabels(BaseModel):
    """The labels of an embedding model; an id is a place in them.

    Attributes:
        entities, relations: the labels, once each.
        answers: of a model trained on a snapshot, per relation the ascending ids of the values that
            products have by it in training, and how often each.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    entities: list[str]
    relations: list[str]
    answers: list[tuple[list[Count], list[Count]]] | None = None

    @model_validator(mode="after")
    def _fit_together(self) -> KgeLabels:
        for name in ("entities", "relations"):
            texts = getattr(self, name)
            if not texts or len(set(texts)) != len(texts):
                raise ValueError(f"{name} are none, or a text stands twice")
        if self.answers is None:
            return self
        if len(self.answers) != len(self.relations):
            raise ValueError("answers are not one list for each relation")
        for name, (ids, counts) in zip(self.relations, self.answers, strict=True):
            if len(ids) != len(counts):
                raise ValueError(f"not one count for each answer of {name[:80]!r}")
            if ids and (ids[-1] >= len(self.entities) or (np.diff(ids) <= 0).any()):
                raise ValueError(f"answers of {name[:80]!r} that are no ascending entity ids")
            if not all(self.entities[place].startswith(VALUE) for place in ids):
                raise ValueError(f"an answer of {name[:80]!r} that is no value")
        return self
