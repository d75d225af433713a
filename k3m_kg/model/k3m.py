"""K3M (Zhu et al., ACM MM 2021): image, title and triples of a product into one vector `c*`."""

from __future__ import annotations

import torch
from torch import Tensor

from k3m_kg.config import ModelSettings
from k3m_kg.contracts import (
    Fusion,
    ImageEncoder,
    LinkPredictor,
    ModelOutputs,
    ProductBatch,
    Regions,
    TextEncoder,
)
from k3m_kg.model.interactor import Interactor, masked_mean
from k3m_kg.model.structure import StructureAggregation
from k3m_kg.model.term_vectors import (
    KNOWLEDGE_SEGMENT,
    TermVectors,
    encode_properties,
    encode_values,
    hide_invisible,
    knowledge_spans,
    wanted_value_ids,
)


class K3M(LinkPredictor):
    """The modal-encoding and modal-interaction layers; tasks are added by the trainer.

    Args:
        settings: sizes.
        image_encoder: pictures to regions.
        text_encoder: titles, properties and values to token vectors, shared.
        title_fusion: merges individual and interactive title tokens.
        image_fusion: the same for regions.
    """

    def __init__(
        self,
        settings: ModelSettings,
        image_encoder: ImageEncoder,
        text_encoder: TextEncoder,
        title_fusion: Fusion,
        image_fusion: Fusion,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.image_encoder = image_encoder
        self.text_encoder = text_encoder
        self.title_fusion = title_fusion
        self.image_fusion = image_fusion
        self.interactor = Interactor(
            settings.hidden, settings.interactor.layers, settings.interactor.heads, settings.dropout
        )
        self.structure = StructureAggregation(
            settings.hidden, settings.structure.heads, settings.structure.backend
        )

    def describe(self, batch: ProductBatch) -> None:
        """Fill `batch.regions`; tasks need it before they corrupt the batch."""
        size, device = batch.size, batch.device
        if not len(batch.image_product_I):
            batch.regions = Regions(
                torch.zeros(size, 0, dtype=torch.bool, device=device),
                torch.zeros(size, 0, 5, device=device),
                torch.zeros(size, 0, max(1, self.image_encoder.num_targets), device=device),
            )
            return
        with torch.no_grad():
            found = self.image_encoder.regions(batch.image_arrays)
        rows = batch.image_product_I
        present = found.present_BR.new_zeros(size, found.present_BR.shape[1])
        present[rows] = found.present_BR
        targets = found.targets_BRC
        batch.regions = Regions(
            present,
            _to_products(found.boxes_BR5, rows, size),
            None if targets is None else _to_products(targets, rows, size),
        )

    def forward(self, batch: ProductBatch) -> ModelOutputs:
        """Encode a batch; see `ModelOutputs`."""
        if batch.regions is None:
            self.describe(batch)
        assert batch.regions is not None
        image_present_BR = batch.regions.present_BR & batch.image_present_B[:, None]
        title_BTH = self.text_encoder(
            batch.title_ids_BT, batch.title_present_BT, torch.zeros_like(batch.title_ids_BT)
        )
        image_BRH = self._encode_images(batch, title_BTH)
        title_inter, image_inter = self.interactor(
            title_BTH, batch.title_present_BT, image_BRH, image_present_BR
        )
        title_BTH = self.title_fusion(title_BTH, title_inter, batch.title_present_BT)
        image_BRH = self.image_fusion(image_BRH, image_inter, image_present_BR)
        c_BH = self._pool(title_BTH, batch.title_present_BT, image_BRH, image_present_BR)

        properties = encode_properties(self.text_encoder, batch.catalog, batch.triple_property_E)
        values = encode_values(self.text_encoder, batch.catalog, wanted_value_ids(batch))
        property_EH, value_EH, knowledge_BKH = self._knowledge(batch, properties, values)
        t_EXH, b_EX = self.structure.transform(c_BH, batch.triple_product_E, property_EH, value_EH)

        def aggregate(product_Q: Tensor, query_N: Tensor, triple_N: Tensor) -> Tensor:
            out: Tensor = self.structure(c_BH[product_Q], t_EXH, b_EX, query_N, triple_N)
            return out

        seen_N = batch.triple_visible_E.nonzero()[:, 0]
        every_B = torch.arange(batch.size, device=batch.device)
        return ModelOutputs(
            title_BTH=title_BTH,
            image_BRH=image_BRH,
            c_BH=c_BH,
            cstar_BH=aggregate(every_B, batch.triple_product_E[seen_N], seen_N),
            property_vectors=properties,
            value_vectors=values,
            aggregate=aggregate,
            knowledge_BKH=knowledge_BKH,
        )

    def _encode_images(self, batch: ProductBatch, like: Tensor) -> Tensor:
        rows = batch.image_product_I
        if not len(rows):
            return like.new_zeros(batch.size, 0, like.shape[-1])
        masked = batch.region_masked_BR
        encoded = self.image_encoder(batch.image_arrays, None if masked is None else masked[rows])
        return _to_products(encoded, rows, batch.size)

    def _pool(
        self, title: Tensor, title_present: Tensor, image: Tensor, image_present: Tensor
    ) -> Tensor:
        if self.settings.pool == "tokens":
            return masked_mean(
                torch.cat([title, image], 1), torch.cat([title_present, image_present], 1)
            )
        both_B2H = torch.stack(
            [masked_mean(title, title_present), masked_mean(image, image_present)], 1
        )
        return masked_mean(both_B2H, torch.stack([title_present.any(1), image_present.any(1)], 1))

    def _knowledge(
        self, batch: ProductBatch, properties: TermVectors, values: TermVectors
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """`p` and `v` (E, H) that are aggregated, and the encoded knowledge text."""
        text = batch.knowledge
        if text is None:
            return properties(batch.triple_property_E), values(batch.triple_value_E), None
        ids_BK, present_BK = hide_invisible(text, batch.triple_visible_E, self.text_encoder.mask_id)
        encoded_BKH = self.text_encoder(
            ids_BK, present_BK, torch.full_like(ids_BK, KNOWLEDGE_SEGMENT)
        )
        p_EH, v_EH = knowledge_spans(encoded_BKH, text, present_BK, len(batch.triple_product_E))
        return p_EH, v_EH, encoded_BKH

    def heads(self, batch: ProductBatch) -> Tensor:
        """`c*` (B, H)."""
        return self(batch).cstar_BH  # type: ignore[no-any-return]

    def relations(self, batch: ProductBatch, properties_N: Tensor) -> Tensor:
        """(N, H)."""
        return encode_properties(self.text_encoder, batch.catalog, properties_N)(properties_N)

    def tails(self, batch: ProductBatch, values_N: Tensor) -> Tensor:
        """(N, H)."""
        return encode_values(self.text_encoder, batch.catalog, values_N)(values_N)


def _to_products(found: Tensor, rows_I: Tensor, size: int) -> Tensor:
    """(I, ...) per image to (B, ...) per product, zero where a product has no image."""
    return found.new_zeros(size, *found.shape[1:]).index_copy(0, rows_I, found)
