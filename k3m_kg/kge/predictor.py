"""An embedding model as a `LinkPredictor` of products: looked up where K3M encodes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from k3m_kg.contracts import LinkPredictor, ProductBatch
from k3m_kg.kge.artifact import KgeArtifact
from k3m_kg.kge.data import PRODUCT, VALUE
from k3m_kg.lpm.triple_ranks import TripleVectors


class KgePredictor(LinkPredictor):
    """Vectors of products, properties and values by what they are called.

    It knows nothing of titles and pictures. A product or a value that training never saw has the
    mean vector of those it did see, so that only the property speaks.

    Args:
        vectors: the model.
        products: (products of the catalog,) entity ids, -1 where unknown.
        properties: (properties,) relation ids, -1 where unknown.
        values: (values,) entity ids, -1 where unknown.
    """

    def __init__(
        self,
        vectors: TripleVectors,
        products: np.ndarray,
        properties: np.ndarray,
        values: np.ndarray,
    ) -> None:
        super().__init__()
        self.scorer = vectors.scorer
        self._products = _Table(vectors.entities_EH, products)
        self._properties = _Table(vectors.relations_RH, properties)
        self._values = _Table(vectors.entities_EH, values)

    @classmethod
    def of(
        cls,
        artifact: KgeArtifact,
        ids: Sequence[str],
        properties: Sequence[str],
        values: Sequence[str],
    ) -> KgePredictor:
        """The artifact's model for a catalog with those product ids, properties and values.

        Batches count products by their place in `ids`, and terms by theirs.
        """
        entity = {label: place for place, label in enumerate(artifact.entities)}
        relation = {label: place for place, label in enumerate(artifact.relations)}
        return cls(
            artifact.model.vectors(),
            np.array([entity.get(PRODUCT + name, -1) for name in ids], np.int64),
            np.array([relation.get(name, -1) for name in properties], np.int64),
            np.array([entity.get(VALUE + text, -1) for text in values], np.int64),
        )

    def heads(self, batch: ProductBatch) -> Tensor:
        """(B, H) product vectors, whatever is visible in the batch."""
        return self._products.forward(batch.rows_B)

    def relations(self, batch: ProductBatch, properties_N: Tensor) -> Tensor:
        """(N, H) vectors of property ids; as wide as the scorer reads relations."""
        return self._properties.forward(properties_N)

    def tails(self, batch: ProductBatch, values_N: Tensor) -> Tensor:
        """(N, H) vectors of value ids."""
        return self._values.forward(values_N)


class _Table(nn.Module):
    """Vectors by place in a catalog, the mean of the known ones where there is none."""

    vectors: Tensor
    places: Tensor
    mean: Tensor

    def __init__(self, vectors: Tensor, places: np.ndarray) -> None:
        super().__init__()
        vectors = vectors.detach()
        places_N = torch.from_numpy(places).to(vectors.device)
        known = places_N[places_N >= 0]
        mean = (vectors[known] if len(known) else vectors).mean(0)
        for name, tensor in (("vectors", vectors), ("places", places_N), ("mean", mean)):
            self.register_buffer(name, tensor, persistent=False)

    def forward(self, numbers: Tensor) -> Tensor:
        places = self.places[numbers]
        return torch.where((places >= 0)[..., None], self.vectors[places], self.mean)
