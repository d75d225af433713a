"""A pretrained transformers text encoder, from a local folder or a hub id."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from k3m_kg.api import (
    ArtifactError,
    ConfigError,
    ModelContext,
    TextEncoder,
    Tokens,
    hub_access,
    initialise,
    saved_network,
)
from k3m_kg_text.settings import TextNetworkSettings

disable_progress_bar()  # a command has one of its own


class Source(NamedTuple):
    """Where a model lies: a folder or hub id, the commit of one, and whether to fetch it."""

    model: str
    revision: str | None = None
    download: bool = False


def _reason(source: Source, error: Exception) -> str:
    """Why a model cannot be loaded, in one whole sentence."""
    folder = Path(source.model)
    if folder.is_dir() and not (folder / "config.json").is_file():
        return "there is no config.json in this folder"
    if not folder.exists() and not source.download:
        return "there is no such folder, and nothing may be downloaded"
    said = " ".join(str(error).split())
    return said.split(". ")[0].rstrip(".:")


class PretrainedText(TextEncoder):
    """`AutoModel` with its own tokenizer; a linear layer brings its width to H.

    The start and end tokens that the model was trained with are put around each text here and
    taken off the output, so that callers see one vector per token of theirs. Weights are read from
    safetensors only and no remote code runs.
    """

    def __init__(
        self, settings: TextNetworkSettings, context: ModelContext, source: Source
    ) -> None:
        super().__init__()
        self.settings = settings
        self.hidden = context.hidden
        if not context.restoring:
            self._load(source, weights=True)

    def _load(self, source: Source, *, weights: bool) -> None:
        options: dict[str, Any] = {
            "trust_remote_code": False,
            "local_files_only": not source.download,
            **({"revision": source.revision} if source.revision else {}),
        }
        try:
            with hub_access(allowed=source.download):
                self.tokenizer = AutoTokenizer.from_pretrained(source.model, **options)
                if weights:
                    model: Any = AutoModel.from_pretrained(
                        source.model, dtype=torch.float32, use_safetensors=True, **options
                    )
                else:
                    model = saved_network(AutoModel, Path(source.model), Path(source.model))
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"no pretrained text encoder at {source.model!r}: {_reason(source, error)}",
                where="text_encoder.model",
                hint="give a folder saved with save_pretrained, or a hub id with `download: true`",
            ) from None
        if not getattr(self.tokenizer, "is_fast", False):
            raise ConfigError("a fast tokenizer is needed", where="text_encoder.model")
        if self.tokenizer.mask_token_id is None:
            raise ConfigError("the tokenizer has no mask token", where="text_encoder.model")
        self.width = int(model.config.hidden_size)
        self._keep(model)
        self._build()

    @classmethod
    def around(cls, encoder: PretrainedText, model: Any, output: nn.Module) -> PretrainedText:
        """One that trains, with the tokenizer of another, a network and a projection to H."""
        found = cls(encoder.settings, ModelContext(encoder.hidden, restoring=True), Source(""))
        found.tokenizer, found.width = encoder.tokenizer, encoder.width
        found.model, found.output = model, output
        return found

    def _keep(self, model: Any) -> None:
        """The network, as one that trains."""
        self.model = model

    def _build(self) -> None:
        """What stands on the network."""
        self.output: nn.Module = (
            nn.Identity() if self.width == self.hidden else nn.Linear(self.width, self.hidden)
        )
        initialise(self.output)

    def prepare(self, texts: Sequence[str]) -> list[Tokens]:
        """Tokens with the characters they cover."""
        if not texts:
            return []
        clean = [text.encode("utf-8", "replace").decode() for text in texts]
        encoded = self.tokenizer(
            clean, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        return [
            Tokens(ids, [tuple(span) for span in spans], _numbered(encoded.word_ids(number)))
            for number, (ids, spans) in enumerate(
                zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)
            )
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
    def special_ids(self) -> tuple[int, ...]:
        """All that the tokenizer calls special: padding, start, end, mask, ..."""
        return tuple(sorted(self.tokenizer.all_special_ids))

    @property
    def embedding_VH(self) -> Tensor:
        """The token embeddings, of the model's own width."""
        weight: Tensor = self.model.get_input_embeddings().weight
        return weight

    def forward(
        self, ids_BT: Tensor, present_BT: Tensor, segment_BT: Tensor | None = None
    ) -> Tensor:
        """(B, T, H); zero where a token is absent, or beyond the longest text the model takes."""
        found_BTW, kept_BT = self._encoded(ids_BT, present_BT, segment_BT)
        found_BTH: Tensor = self.output(found_BTW)
        return found_BTH * kept_BT[..., None]

    def encode(self, ids_BT: Tensor, present_BT: Tensor) -> Tensor:
        """(B, T, W) as `forward`, of the network's own width."""
        found_BTW, kept_BT = self._encoded(ids_BT, present_BT, None)
        return found_BTW * kept_BT[..., None]

    def _encoded(
        self, ids_BT: Tensor, present_BT: Tensor, segment_BT: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Vectors of the network's own width, and which of them are of a token that was read.

        Absent tokens are taken out and the rest moved together before the model sees them: how a
        model numbers positions (from 0, from the padding index, relative, rotary) is its own
        affair, so none is told any.
        """
        start, end = self.tokenizer.cls_token_id, self.tokenizer.sep_token_id
        lead, trail = int(start is not None), int(end is not None)
        place_BT = present_BT.long().cumsum(1) - 1 + lead
        kept_BT = present_BT & (place_BT < self._longest() - trail)
        length_B1 = kept_BT.sum(1, keepdim=True)
        width = min(ids_BT.shape[1], self._longest() - lead - trail) + max(1, lead + trail)
        # What is not kept goes into a column more, which is cut off: no shape depends on a number.
        place_BT = torch.where(kept_BT, place_BT, width)

        def moved(numbers_BT: Tensor, padding: int) -> Tensor:
            out_BX = numbers_BT.new_full((len(numbers_BT), width + 1), padding)
            return out_BX.scatter(1, place_BT, numbers_BT)[:, :width]

        ids_BX = moved(ids_BT, self.tokenizer.pad_token_id or 0)
        if start is not None:
            ids_BX[:, 0] = start
        if end is not None:
            ids_BX.scatter_(1, length_B1 + lead, end)
        # A row without any token attends to its padding: a softmax over nothing is NaN.
        reach_B1 = (length_B1 + lead + trail).clamp_min(1)
        mask_BX = torch.arange(width, device=ids_BT.device) < reach_B1
        extra = {}
        if self._takes_segments and segment_BT is not None:
            extra["token_type_ids"] = moved(segment_BT, 0) * mask_BX
        out_BXW = self.model(ids_BX, attention_mask=mask_BX.long(), **extra).last_hidden_state
        back_BT1 = place_BT.clamp_max(width - 1)[..., None]
        return out_BXW.gather(1, back_BT1.expand(-1, -1, out_BXW.shape[2])), kept_BT

    @property
    def _takes_segments(self) -> bool:
        """Whether the model tells title from knowledge by a token type."""
        types: int = getattr(self.model.config, "type_vocab_size", 0) or 0
        return types > 1 and "token_type_ids" in signature(self.model.forward).parameters

    def _longest(self) -> int:
        """The longest text the model takes, start and end included."""
        places = getattr(self.model.config, "max_position_embeddings", None) or (1 << 30)
        embeddings = getattr(self.model, "embeddings", None)
        padding = getattr(getattr(embeddings, "position_embeddings", None), "padding_idx", None)
        return places if padding is None else places - padding - 1  # RoBERTa counts from there

    def save_assets(self, folder: Path) -> None:
        """Write tokenizer and model configuration, so that the artifact needs no hub."""
        self.tokenizer.save_pretrained(folder / "text-encoder")
        self.model.config.save_pretrained(folder / "text-encoder")

    def load_assets(self, folder: Path) -> None:
        """Read what `save_assets` wrote; the weights follow with the artifact's own."""
        source = folder / "text-encoder"
        if not source.is_dir():
            raise ArtifactError("the text encoder's folder is missing", where=str(source))
        self._load(Source(str(source)), weights=False)


def _numbered(words: list[int | None]) -> list[int]:
    """The word of each token, counted from 0; a token of no word is one of its own."""
    found: list[int] = []
    for place, word in enumerate(words):
        same = place > 0 and word is not None and word == words[place - 1]
        found.append(found[-1] if same else found[-1] + 1 if found else 0)
    return found
