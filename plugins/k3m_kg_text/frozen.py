"""A frozen transformers text encoder: terms and words are encoded once, titles read from them."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from k3m_kg.api import (
    FrozenTextEncoder,
    fingerprint,
    initialise,
    load_frozen,
    save_frozen,
    transformer,
)
from k3m_kg_text.pretrained import PretrainedText

_VERSION = 1  # of what `vectors` gives: another one finds no cache of this
_TOKENS = 4096  # of one forward pass in `vectors`
_POSITIONS = 512  # longest title


class FrozenText(PretrainedText, FrozenTextEncoder):
    """The network is no part of this module: its weights are an asset, and never trained.

    A title is read from its words, each encoded by itself: projection, position, LayerNorm, then
    transformer layers, which learn what words say of each other. A token of a word that is not
    whole any more (cut, masked) is encoded by itself in the step.
    """

    def _keep(self, model: Any) -> None:
        self._apart = (model.requires_grad_(False).eval(),)
        self._fingerprint: str | None = None

    def _build(self) -> None:
        settings, hidden = self.settings, self.hidden
        self.output = nn.Linear(self.width, hidden)
        self.position = nn.Parameter(torch.zeros(_POSITIONS, hidden))
        self.norm = nn.LayerNorm(hidden)
        self.dropout = nn.Dropout(settings.embedding_dropout)
        self.layers = transformer(
            hidden,
            settings.layers,
            settings.heads,
            expansion=settings.expansion,
            dropout=settings.dropout,
            where="text_encoder.heads",
        )
        initialise(self)

    @property
    def model(self) -> Any:
        """The network, on the device of what trains."""
        (found,) = self._apart
        device = self._weight.device
        if found.device != device:
            found.to(device)
        return found

    @property
    def _weight(self) -> Tensor:
        weight = self.output.weight
        assert isinstance(weight, Tensor)
        return weight

    def pretrained_parameters(self) -> list[nn.Parameter]:
        """None that train."""
        return []

    def cache_key(self) -> str:
        """Of the weights alone: the ids of texts are the framework's part."""
        if self._fingerprint is None:
            self._fingerprint = fingerprint(self._apart[0], _VERSION)
        return f"text-{self._fingerprint}"

    @property
    def reads_words(self) -> bool:
        """As the setting `titles` says."""
        return self.settings.titles == "words"

    @property
    def _takes_segments(self) -> bool:
        return False  # a frozen model cannot learn what another token type would mean

    def vectors(self, texts: Sequence[Sequence[int]]) -> list[np.ndarray]:
        """Texts of about one length together, so that little is padding."""
        found: list[np.ndarray] = [np.zeros((0, self.width), np.float16)] * len(texts)
        device = self._weight.device
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        order = [row for row in order if len(texts[row])]
        while order:
            longest = len(texts[order[-1]])
            rows = order[-max(1, _TOKENS // (longest + 2)) :]
            del order[-len(rows) :]
            ids_BT = torch.zeros(len(rows), longest, dtype=torch.long)
            present_BT = torch.zeros(len(rows), longest, dtype=torch.bool)
            for place, row in enumerate(rows):
                length = len(texts[row])
                ids_BT[place, :length] = torch.as_tensor(texts[row])
                present_BT[place, :length] = True
            out_BTW = self.encode(ids_BT.to(device), present_BT.to(device)).half().cpu().numpy()
            for place, row in enumerate(rows):
                found[row] = out_BTW[place, : len(texts[row])]
        return found

    def project(self, vectors_NW: Tensor) -> Tensor:
        """(N, H)."""
        projected: Tensor = self.output(vectors_NW.to(self._weight.dtype))
        return projected

    @torch.no_grad()
    def alone(self, ids_U: Tensor) -> Tensor:
        """(U, W)."""
        there_U1 = torch.ones_like(ids_U[:, None], dtype=torch.bool)
        return self.encode(ids_U[:, None], there_U1)[:, 0]

    def read(self, vectors_BTW: Tensor, present_BT: Tensor) -> Tensor:
        """(B, T, H); zero where a token is absent."""
        vectors_BTW = vectors_BTW.float()
        place_BT = (present_BT.long().cumsum(1) - 1).clamp(0, _POSITIONS - 1)
        embedded = self.project(vectors_BTW) + self.position[place_BT]
        hidden_BTH: Tensor = self.dropout(self.norm(embedded))
        hidden_BTH = self.layers(hidden_BTH, present_BT)
        return hidden_BTH * present_BT[..., None]

    def unfrozen(self) -> PretrainedText:
        """Network and projection, as one that trains; its layers over words are left out."""
        model = copy.deepcopy(self.model).requires_grad_(True)
        return PretrainedText.around(self, model, copy.deepcopy(self.output))

    def save_assets(self, folder: Path) -> None:
        """Tokenizer, configuration and weights."""
        super().save_assets(folder)
        save_frozen(self._apart[0], folder / "text-encoder")

    def load_assets(self, folder: Path) -> None:
        """Read what `save_assets` wrote."""
        super().load_assets(folder)
        if torch.get_default_device().type != "meta":
            load_frozen(self._apart[0], folder / "text-encoder")
