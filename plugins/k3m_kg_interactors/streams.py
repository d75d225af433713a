"""Modalities that make one stream: their tokens one after another, told apart by a type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from k3m_kg.api import ConfigError, computed_in, unknown_name

_TYPE_SCALE = 0.02
"""Of a type's first vector, as in BERT."""


class Streams(nn.Module):
    """Joins the tokens of some modalities, and takes them apart again.

    Args:
        modalities: all of a model, in order.
        together: those that make one stream; each of the others is one of its own.
        hidden: H.

    Attributes:
        names: the streams, each called as the first of its modalities.
    """

    def __init__(
        self, modalities: Sequence[str], together: Sequence[Sequence[str]], hidden: int
    ) -> None:
        super().__init__()
        where, seen = "model.interactor.together", [name for group in together for name in group]
        for name in seen:
            if name not in modalities:
                raise ConfigError(unknown_name("modality", name, modalities), where=where)
            if seen.count(name) > 1:
                raise ConfigError(f"{name!r} can be in one stream only", where=where)
        groups: dict[str, tuple[str, ...]] = {group[0]: tuple(group) for group in together if group}
        groups |= {name: (name,) for name in modalities if name not in seen}
        self.groups = {name: groups[name] for name in modalities if name in groups}
        shared = {name: len(group) for name, group in self.groups.items() if len(group) > 1}
        self.types_GH = nn.ParameterDict(
            {name: torch.zeros(count, hidden) for name, count in shared.items()}
        )

    @property
    def names(self) -> list[str]:
        """The streams, in the order of the modalities."""
        return list(self.groups)

    def reset_parameters(self) -> None:
        """Small types, so that at first tokens say what they said."""
        for types_GH in self.types_GH.values():
            nn.init.normal_(types_GH, std=_TYPE_SCALE)

    def joined(self, tokens: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """By stream, (B, all N, H), in the precision that is computed in."""
        found = {}
        for name, group in self.groups.items():
            if len(group) == 1:
                found[name] = computed_in(tokens[name])
                continue
            types_GH = self.types_GH[name]
            typed = [tokens[member] + types_GH[place] for place, member in enumerate(group)]
            found[name] = computed_in(torch.cat(typed, 1))
        return found

    def there(self, present: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """By stream, (B, all N) bool."""
        return {
            name: torch.cat([present[member] for member in group], 1)
            if len(group) > 1
            else present[name]
            for name, group in self.groups.items()
        }

    def apart(
        self, streams: Mapping[str, Tensor], tokens: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """By modality, (B, N, H), in the order of `tokens`."""
        found: dict[str, Tensor] = {}
        for name, group in self.groups.items():
            sizes = [tokens[member].shape[1] for member in group]
            found.update(zip(group, torch.split(streams[name], sizes, 1), strict=True))
        return {name: found[name] for name in tokens}
