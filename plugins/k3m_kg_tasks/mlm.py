"""Masked language modelling (Devlin et al. 2019) on titles and, where encoded so, knowledge."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from k3m_kg.api import (
    ConfigError,
    ModelOutputs,
    PretrainingTask,
    ProductBatch,
    TaskContext,
    TaskLoss,
    initialise,
)
from k3m_kg_tasks.settings import MlmSettings

_IGNORED = -100


@dataclass(slots=True)
class _Masked:
    """What `corrupt` chose, by modality: the token that was there, or `_IGNORED`."""

    target_BT: dict[str, Tensor] = field(default_factory=dict)
    target_BK: Tensor | None = None


@dataclass(slots=True)
class _Chosen:
    """What is asked: places and ids of tokens, by modality and in the knowledge text."""

    texts: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)
    knowledge: tuple[Tensor, Tensor] | None = None


class MaskedLanguageModelling(PretrainingTask):
    """15 % of the tokens: 80 % become the mask token, 10 % a random one, 10 % stay."""

    def __init__(self, settings: MlmSettings, context: TaskContext) -> None:
        super().__init__()
        self.names = tuple(dict.fromkeys((settings.modality, *settings.others)))
        for name in self.names:
            if name not in context.of_words:
                raise ConfigError(
                    f"{name!r} is no modality of this model whose tokens are words "
                    f"(those are: {', '.join(sorted(context.of_words)) or 'none'})",
                    where="tasks.mlm.modality" if name == settings.modality else "tasks.mlm.others",
                    hint="name one of them, or leave mlm out",
                )
        self.settings = settings
        self.vocab_size = context.vocab_size
        self.mask_id = context.mask_id
        special = set(context.special_ids)
        words = [token for token in range(context.vocab_size) if token not in special]
        # for `corrupt`, which is on the CPU wherever the weights are
        self._words_W = torch.from_numpy(np.array(words or [context.mask_id], np.int64))
        self.embedding_VH = context.embedding_VH
        width = context.embedding_VH().shape[1]
        self.transform = nn.Sequential(
            nn.Linear(context.hidden, width), nn.GELU(), nn.LayerNorm(width)
        )
        self.bias = nn.Parameter(torch.zeros(context.vocab_size))
        initialise(self)

    def corrupt(self, batch: ProductBatch, generator: torch.Generator) -> None:
        """Mask title tokens, and knowledge tokens of visible triples."""
        masked = _Masked()
        for name in self.names:
            tokens = batch.modalities[name]
            if not len(tokens.product_I):
                continue
            rows = tokens.product_I
            ids_IT, target_IT = self._mask(tokens.arrays["ids"], tokens.shown_BN[rows], generator)
            tokens.arrays = tokens.arrays | {"ids": ids_IT}
            target_BT = target_IT.new_full(tokens.tokens_BN.shape, _IGNORED)
            target_BT[rows] = target_IT
            masked.target_BT[name] = target_BT
        if batch.knowledge is not None:
            text = batch.knowledge
            text.ids_BK, masked.target_BK = self._mask(text.ids_BK, text.present_BK, generator)
        batch.notes["mlm"] = masked

    def settle(self, batch: ProductBatch) -> None:
        """The chosen tokens that are still there."""
        masked: _Masked = batch.notes["mlm"]
        chosen = _Chosen()
        for name, target_BT in masked.target_BT.items():
            chosen.texts[name] = _places(target_BT, batch.modalities[name].shown_BN)
        if masked.target_BK is not None and batch.knowledge is not None:
            present_BK = batch.knowledge.seen_BK(batch.triple_visible_E)
            chosen.knowledge = _places(masked.target_BK, present_BK)
        batch.notes["mlm"] = chosen

    def _mask(
        self, ids: Tensor, present: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        draw = torch.rand((3, *ids.shape), generator=generator)
        product = torch.rand((len(ids), 1), generator=generator)
        word = torch.randint(len(self._words_W), ids.shape, generator=generator)
        word = self._words_W[word]
        chosen = present & (draw[0] < self.settings.rate) & (product < self.settings.products)
        target = torch.where(chosen, ids, _IGNORED)
        ids = torch.where(chosen & (draw[1] < 0.8), self.mask_id, ids)
        return torch.where(chosen & (draw[1] >= 0.9), word, ids), target

    def count(self, batch: ProductBatch) -> int:
        """The chosen tokens that are still there."""
        chosen: _Chosen = batch.notes["mlm"]
        parts = [*chosen.texts.values(), *([chosen.knowledge] if chosen.knowledge else [])]
        return sum(len(place_N) for place_N, _ in parts)

    def loss(self, outputs: ModelOutputs, batch: ProductBatch) -> TaskLoss:
        """Cross-entropy over the vocabulary at the chosen tokens that are still there."""
        chosen: _Chosen = batch.notes["mlm"]
        parts = []
        for name, (place_N, target_N) in chosen.texts.items():
            vectors_BTH = outputs.tokens[name]
            parts.append((vectors_BTH.flatten(0, 1).index_select(0, place_N), target_N))
        if chosen.knowledge is not None:
            assert outputs.knowledge_BKH is not None
            place_N, target_N = chosen.knowledge
            vectors_NH = outputs.knowledge_BKH.flatten(0, 1).index_select(0, place_N)
            parts.append((vectors_NH, target_N))
        if not any(len(target_N) for _, target_N in parts):
            return TaskLoss(None)
        vectors_NH = torch.cat([vectors for vectors, _ in parts])
        target_N = torch.cat([target for _, target in parts])
        logits_NV = F.linear(self.transform(vectors_NH), self.embedding_VH(), self.bias)
        right = (logits_NV.argmax(-1) == target_N).float().mean()
        return TaskLoss(F.cross_entropy(logits_NV, target_N), {"accuracy": right})


def _places(target_BN: Tensor, present_BN: Tensor) -> tuple[Tensor, Tensor]:
    """Chosen tokens that are there: where they stand, laid flat, and what they were."""
    place_N = ((target_BN != _IGNORED) & present_BN).flatten().nonzero()[:, 0]
    return place_N, target_BN.flatten()[place_N]
