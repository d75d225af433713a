"""What an artifact's labels.json holds: the terms of training, and the values of each property."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, model_validator

from k3m_kg.batches.batcher import catalog_of
from k3m_kg.config import ModelSettings
from k3m_kg.contracts import Catalog, Tokeniser
from k3m_kg.manifests import Count


class Labels(BaseModel):
    """The labels of a trained model; an id is a place in them.

    Attributes:
        properties, values: the texts, once each.
        candidates: per property the ascending ids of the values that it takes in training.
        counts: how often each of them.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    properties: list[str]
    values: list[str]
    candidates: list[list[Count]]
    counts: list[list[Count]]

    @model_validator(mode="after")
    def _fit_together(self) -> Labels:
        for name in ("properties", "values"):
            texts = getattr(self, name)
            if len(set(texts)) != len(texts):
                raise ValueError(f"a text stands twice in {name}")
        if not len(self.candidates) == len(self.counts) == len(self.properties):
            raise ValueError("candidates and counts are not one list for each property")
        for name, ids, counts in zip(self.properties, self.candidates, self.counts, strict=True):
            if len(ids) != len(counts):
                raise ValueError(f"not one count for each candidate of {name[:80]!r}")
            if ids and (ids[-1] >= len(self.values) or (np.diff(ids) <= 0).any()):
                raise ValueError(f"candidates of {name[:80]!r} that are no ascending value ids")
        return self

    @classmethod
    def of(cls, catalog: Catalog) -> dict[str, Any]:
        """What is written for a catalog."""
        return {
            "properties": catalog.properties,
            "values": catalog.values,
            "candidates": [ids.tolist() for ids in catalog.candidates],
            "counts": [counts.tolist() for counts in catalog.counts],
        }

    def catalog(self, encoder: Tokeniser, settings: ModelSettings) -> Catalog:
        """The catalog, its terms tokenised by a fitted encoder."""
        return catalog_of(
            self.properties,
            self.values,
            [np.asarray(ids, np.int64) for ids in self.candidates],
            [np.asarray(counts, np.int64) for counts in self.counts],
            encoder,
            settings,
        )
