"""A pretrained transformers text encoder, from a local folder or a hub id."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoTokenizer

from k3m_kg.api import (
    ArtifactError,
    ConfigError,
    ModelContext,
    TextEncoder,
    Tokens,
    initialise,
)
from k3m_kg_text.settings import PretrainedTextSettings


class PretrainedText(TextEncoder):
    """`AutoModel` with its own tokenizer; a linear layer brings its width to H.

    The start and end tokens that the model was trained with are put around each text here and
    taken off the output, so that callers see one vector per token of theirs. Weights are read from
    safetensors only and no remote code runs.
    """

    def __init__(self, settings: PretrainedTextSettings, context: ModelContext) -> None:
        super().__init__()
        self.settings = settings
        self.hidden = context.hidden
        if not context.restoring:
            self._load(settings.model, weights=True)

    def _load(self, source: str, *, weights: bool) -> None:
        options = {
            "trust_remote_code": False,
            "local_files_only": not self.settings.download,
        }
        if self.settings.revision and source == self.settings.model:
            options["revision"] = self.settings.revision  # type: ignore[assignment]
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(source, **options)
            if weights:
                self.model = AutoModel.from_pretrained(
                    source, dtype=torch.float32, use_safetensors=True, **options
                )
            else:
                config = AutoConfig.from_pretrained(source, **options)
                self.model = AutoModel.from_config(config, dtype=torch.float32)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"no pretrained text encoder at {source!r}: {str(error).splitlines()[0]}",
                where="text_encoder.model",
                hint="give a folder saved with save_pretrained, or a hub id with `download: true`",
            ) from None
        if not getattr(self.tokenizer, "is_fast", False):
            raise ConfigError("a fast tokenizer is needed", where="text_encoder.model")
        if self.tokenizer.mask_token_id is None:
            raise ConfigError("the tokenizer has no mask token", where="text_encoder.model")
        self.width = int(self.model.config.hidden_size)
        self.output = (
            nn.Identity() if self.width == self.hidden else nn.Linear(self.width, self.hidden)
        )
        initialise(self.output)
        self.model.requires_grad_(not self.settings.freeze)

    def prepare(self, texts: Sequence[str]) -> list[Tokens]:
        """Tokens with the characters they cover."""
        if not texts:
            return []
        clean = [text.encode("utf-8", "replace").decode() for text in texts]
        encoded = self.tokenizer(
            clean, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        return [
            Tokens(ids, [tuple(span) for span in spans])
            for ids, spans in zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)
        ]

    def pretrained_parameters(self) -> list[nn.Parameter]:
        """All but the projection to H, which is new."""
        return list(self.model.parameters())

    @property
    def vocab_size(self) -> int:
        """V."""
        return int(self.embedding_VH.shape[0])

    @property
    def mask_id(self) -> int:
        """The id of the mask token."""
        return int(self.tokenizer.mask_token_id)

    @property
    def embedding_VH(self) -> Tensor:
        """The token embeddings, of the model's own width."""
        weight: Tensor = self.model.get_input_embeddings().weight
        return weight

    def forward(
        self, ids_BT: Tensor, present_BT: Tensor, segment_BT: Tensor | None = None
    ) -> Tensor:
        """(B, T, H)."""
        start, end = self.tokenizer.cls_token_id, self.tokenizer.sep_token_id
        edge = ids_BT.new_zeros(len(ids_BT), 1)
        present = torch.ones_like(edge, dtype=torch.bool)
        ids, mask, lead = ids_BT, present_BT, 0
        if start is not None:
            ids, mask, lead = torch.cat([edge + start, ids], 1), torch.cat([present, mask], 1), 1
        if end is not None:
            ids, mask = torch.cat([ids, edge + end], 1), torch.cat([mask, present], 1)
        if start is None and end is None:  # a row without tokens attends to its padding
            mask = mask | ~mask.any(1, keepdim=True)
        longest = getattr(self.model.config, "max_position_embeddings", ids.shape[1])
        position = (mask.long().cumsum(1) - 1).clamp(0, longest - 1)
        extra = {}
        if getattr(self.model.config, "type_vocab_size", 0) > 1 and segment_BT is not None:
            segment = ids.new_zeros(ids.shape)
            segment[:, lead : lead + segment_BT.shape[1]] = segment_BT
            extra["token_type_ids"] = segment
        if getattr(self.model.config, "model_type", "") in ("bert", "electra", "distilbert"):
            extra["position_ids"] = position
            if self.model.config.model_type == "distilbert":
                extra.pop("token_type_ids", None)
        out = self.model(input_ids=ids, attention_mask=mask.long(), **extra).last_hidden_state
        result: Tensor = self.output(out[:, lead : lead + ids_BT.shape[1]])
        return result

    def save_assets(self, folder: Path) -> None:
        """Write tokenizer and model configuration, so that the artifact needs no hub."""
        self.tokenizer.save_pretrained(folder / "text-encoder")
        self.model.config.save_pretrained(folder / "text-encoder")

    def load_assets(self, folder: Path) -> None:
        """Read what `save_assets` wrote; the weights follow with the artifact's own."""
        source = folder / "text-encoder"
        if not source.is_dir():
            raise ArtifactError("the text encoder's folder is missing", where=str(source))
        self._load(str(source), weights=False)
