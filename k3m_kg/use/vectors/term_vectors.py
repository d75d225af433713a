"""Vectors of properties, values and any texts, as a model reads them (N of them, H wide)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from k3m_kg.batches.batcher import with_values
from k3m_kg.contracts import Catalog, LinkPredictor, ProductBatch
from k3m_kg.engine.precision import computing
from k3m_kg.lpm.questions import device_of
from k3m_kg.use.open_model import OpenModel

_AT_ONCE = 1 << 10


def property_vectors(opened: OpenModel, ids: np.ndarray) -> Tensor:
    """(N, H) of property ids."""
    return _encoded(opened, opened.predictor, opened.batcher.catalog, ids, "relations")


def value_vectors(opened: OpenModel, ids: np.ndarray) -> Tensor:
    """(N, H) of value ids."""
    return _encoded(opened, opened.predictor, opened.batcher.catalog, ids, "tails")


def text_vectors(opened: OpenModel, texts: Sequence[str]) -> Tensor | None:
    """(N, H) of texts, each read as a value would be; None for a model that reads no words."""
    trained, base = opened.trained, opened.batcher.catalog
    if trained.text_encoder is None:
        return None
    catalog = with_values(base, texts, trained.text_encoder, trained.sizes, opened.snapshot)
    tokens = catalog.tokens.to(trained.device)
    catalog = Catalog(base.properties, catalog.values, tokens, base.candidates, base.counts)
    predictor = trained.build(opened.snapshot.ids, catalog)
    ids = np.arange(len(base.values), len(catalog.values))
    return _encoded(opened, predictor, catalog, ids, "tails")


@torch.no_grad()
def _encoded(
    opened: OpenModel, predictor: LinkPredictor, catalog: Catalog, ids: np.ndarray, what: str
) -> Tensor:
    device = device_of(predictor)
    batch = opened.batcher.batch(np.zeros(1, np.int64)).to(device)  # a batch carries the catalog
    batch.catalog = catalog
    encode: Callable[[ProductBatch, Tensor], Tensor]
    encode = predictor.relations if what == "relations" else predictor.tails
    training = predictor.training
    predictor.eval()
    try:
        with computing(predictor.precision, device):
            found = [
                encode(batch, part.to(device)).float()
                for part in torch.split(torch.from_numpy(ids), _AT_ONCE)
            ]
    finally:
        predictor.train(training)
    return torch.cat(found)
