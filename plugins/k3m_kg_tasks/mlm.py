"""Masked language modelling (Devlin et al. 2019) on titles and, where encoded so, knowledge."""

from __future__ import annotations

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


class MaskedLanguageModelling(PretrainingTask):
    """15 % of the tokens: 80 % become the mask token, 10 % a random one, 10 % stay."""

    def __init__(self, settings: MlmSettings, context: TaskContext) -> None:
        super().__init__()
        if settings.modality not in context.of_words:
            raise ConfigError(
                f"{settings.modality!r} is no modality of this model whose tokens are words "
                f"(those are: {', '.join(sorted(context.of_words)) or 'none'})",
                where="tasks.mlm.modality",
                hint="name one of them, or leave mlm out",
            )
        self.settings = settings
        self.vocab_size = context.vocab_size
        self.mask_id = context.mask_id
        special = set(context.special_ids)
        words = [token for token in range(context.vocab_size) if token not in special]
        self.register_buffer("words_W", torch.tensor(words or [context.mask_id]), persistent=False)
        self.words_W: Tensor
        self.embedding_VH = context.embedding_VH
        width = context.embedding_VH().shape[1]
        self.transform = nn.Sequential(
            nn.Linear(context.hidden, width), nn.GELU(), nn.LayerNorm(width)
        )
        self.bias = nn.Parameter(torch.zeros(context.vocab_size))
        initialise(self)

    def corrupt(self, batch: ProductBatch, generator: torch.Generator) -> None:
        """Mask title tokens, and knowledge tokens of visible triples."""
        tokens, target_BT = batch.modalities[self.settings.modality], None
        if tokens.tokens_BN is not None and len(tokens.product_I):
            rows = tokens.product_I
            ids_IT, target_IT = self._mask(tokens.arrays["ids"], tokens.shown_BN[rows], generator)
            tokens.arrays = tokens.arrays | {"ids": ids_IT}
            target_BT = target_IT.new_full(tokens.tokens_BN.shape, _IGNORED)
            target_BT[rows] = target_IT
        knowledge_target = None
        if batch.knowledge is not None:
            text = batch.knowledge
            text.ids_BK, knowledge_target = self._mask(text.ids_BK, text.present_BK, generator)
        batch.notes["mlm"] = (target_BT, knowledge_target)

    def _mask(
        self, ids: Tensor, present: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        draw = torch.rand((3, *ids.shape), generator=generator)
        product = torch.rand((len(ids), 1), generator=generator)
        word = torch.randint(len(self.words_W), ids.shape, generator=generator)
        draw, product, word = (item.to(ids.device) for item in (draw, product, word))
        word = self.words_W[word]
        chosen = present & (draw[0] < self.settings.rate) & (product < self.settings.products)
        target = torch.where(chosen, ids, _IGNORED)
        ids = torch.where(chosen & (draw[1] < 0.8), self.mask_id, ids)
        return torch.where(chosen & (draw[1] >= 0.9), word, ids), target

    def count(self, batch: ProductBatch) -> int | Tensor:
        """The chosen tokens that are still there."""
        target_BT, knowledge_target = batch.notes["mlm"]
        count: int | Tensor = 0
        if target_BT is not None:
            shown_BT = batch.modalities[self.settings.modality].shown_BN
            count = ((target_BT != _IGNORED) & shown_BT).sum()
        if knowledge_target is not None and batch.knowledge is not None:
            count = count + ((knowledge_target != _IGNORED) & _present(batch)).sum()
        return count

    def loss(self, outputs: ModelOutputs, batch: ProductBatch) -> TaskLoss:
        """Cross-entropy over the vocabulary at the chosen tokens that are still there."""
        target_BT, knowledge_target = batch.notes["mlm"]
        name, parts = self.settings.modality, []
        if target_BT is not None:
            parts.append(_chosen(outputs.tokens[name], target_BT, batch.modalities[name].shown_BN))
        if knowledge_target is not None and batch.knowledge is not None:
            assert outputs.knowledge_BKH is not None
            parts.append(_chosen(outputs.knowledge_BKH, knowledge_target, _present(batch)))
        if not any(len(target) for _, target in parts):
            return TaskLoss(None)
        vectors = torch.cat([vector for vector, _ in parts])
        targets = torch.cat([target for _, target in parts])
        logits = F.linear(self.transform(vectors), self.embedding_VH(), self.bias)
        right = (logits.argmax(-1) == targets).float().mean()
        return TaskLoss(F.cross_entropy(logits, targets), {"accuracy": right})


def _present(batch: ProductBatch) -> Tensor:
    """(B, K) bool: the knowledge tokens that are there; a hidden triple has none."""
    text = batch.knowledge
    assert text is not None
    if not len(batch.triple_visible_E):
        return text.present_BK
    return text.present_BK & batch.triple_visible_E[text.triple_BK]


def _chosen(vectors_BNH: Tensor, target_BN: Tensor, present_BN: Tensor) -> tuple[Tensor, Tensor]:
    place = (target_BN != _IGNORED) & present_BN
    return vectors_BNH[place], target_BN[place]
