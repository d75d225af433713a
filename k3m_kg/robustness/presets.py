"""The models that are compared, as changes of one config: nothing but the idea differs."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from k3m_kg.errors import UsageError, unknown_name

Config = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Preset:
    """A model to compare.

    Attributes:
        summary: what it has, in words.
        settings: of the config, over what is there.
        shown: whether triples are shown to it.
    """

    summary: str
    settings: Config = field(default_factory=dict)
    shown: bool = True


PRESETS: dict[str, Preset] = {
    "k3m": Preset("as the config says: knowledge, structure, fusion"),
    "k3m-interactive-only": Preset(
        "without individual features", {"fusion": {"name": "interactive-only"}}
    ),
    "two-stream": Preset(
        "co-attention and self-attention of title and image as in ViLBERT; without knowledge",
        {
            "fusion": {"name": "interactive-only"},
            "model": {"interactor": {"name": "co-attention", "self_attention": True}},
        },
        shown=False,
    ),
}


def changed(settings: Mapping[str, Any], name: str) -> Config:
    """A config of `k3m-kg pretrain` as that of a preset.

    Raises:
        UsageError: there is no such preset.
    """
    if name not in PRESETS:
        raise UsageError(unknown_name("model", name, tuple(PRESETS)), where="--models")
    preset = PRESETS[name]
    made: Config = _over(copy.deepcopy(dict(settings)), preset.settings)
    return made


def _over(below: Any, above: Any) -> Any:
    if not isinstance(below, dict) or not isinstance(above, dict):
        return copy.deepcopy(above)
    return below | {key: _over(below.get(key), value) for key, value in above.items()}
