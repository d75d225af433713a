"""The models that K3M is compared with, and K3M without each of its parts, as changes of a config.

All of them are made of the same plugins, read the same frozen features, learn from the same tasks
with the same loop, and have as many weights between encoders and `c*`: nothing but the idea
differs. What each of them has stands in `docs/robustness.md`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from k3m_kg.config import RunConfig, validate_settings
from k3m_kg.contracts.weightless import weightless
from k3m_kg.errors import ConfigError, UsageError, unknown_name
from k3m_kg.model.compose import build_layers

_WITHIN = 0.05
_MOST_LAYERS = 24
_NARROWEST, _WIDEST = 0.5, 8.0
"""Of a feed-forward layer, in units of H: beyond that another depth is taken."""

_TEXT_ONLY = ("title", "knowledge")
_STAR = "star-attention"
"""What a config has that names none."""
Config = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Preset:
    """A model to compare.

    Attributes:
        summary: what it has, in words.
        interactor: by name, with its settings.
        structure: by name.
        fusion: by name.
        knowledge: whether triples are appended to the title as text.
        learns_links: whether the whole model learns from link prediction, or a head on it alone.
        tasks: further tasks.
        gate: settings of `lpm`.
        evidence: whether evidence, how questions are asked, and tasks stay as the config has them.
    """

    summary: str
    interactor: Config
    structure: str = "none"
    fusion: str = "interactive-only"
    knowledge: bool = False
    learns_links: bool = True
    tasks: tuple[Config, ...] = ()
    gate: Config = field(default_factory=dict)
    evidence: bool = False

    @property
    def sees_triples(self) -> bool:
        """Whether a product's vector is made of its triples, too."""
        return self.knowledge or self.structure != "none"


_CO: Config = {"name": "co-attention"}
_VILBERT: Config = {"name": "co-attention", "self_attention": True}
_LXMERT: Config = {"name": "cross-modality"}
_VLBERT: Config = {"name": "single-stream"}
_NOISE: Config = {"name": "modality-noise", "noise": 0.2, "mask": 0.7}


def _k3m(summary: str, **changes: Any) -> Preset:
    parts = {"interactor": _CO, "structure": _STAR, "fusion": "hard-spl"} | changes
    return Preset(summary, **parts)


PRESETS: dict[str, Preset] = {
    "k3m": _k3m("the paper's: co-attention, hard-spl, star attention, link prediction"),
    "k3m-evidence": _k3m(
        "K3M with evidence in link prediction, where the config has it: as pretrain makes it",
        evidence=True,
    ),
    "k3m-soft": _k3m("K3M with the fusion soft-spl", fusion="soft-spl"),
    "k3m-mean": _k3m("K3M with the fusion mean", fusion="mean"),
    "k3m-interactive": _k3m("K3M without individual features", fusion="interactive-only"),
    "k3m-no-structure": _k3m("K3M without structure aggregation", structure="none"),
    "k3m-no-lpm": _k3m(
        "K3M without link prediction: masked words alone, and a probe that ranks",
        learns_links=False,
    ),
    "vilbert": Preset("two streams, co-attention then self-attention; no knowledge", _VILBERT),
    "vilbert-pkg": Preset(
        "the same, with knowledge appended to the title as text", _VILBERT, knowledge=True
    ),
    "vl-bert": Preset("one stream; no knowledge", _VLBERT),
    "vl-bert-pkg": Preset(
        "the same, with knowledge appended to the title as text", _VLBERT, knowledge=True
    ),
    "lxmert": Preset("cross-modality layers; no knowledge", _LXMERT),
    "lxmert-pkg": Preset(
        "the same, with knowledge appended to the title as text", _LXMERT, knowledge=True
    ),
    "k3m-noise": _k3m("K3M with noise in modalities (SNAG)", tasks=(_NOISE,)),
    "k3m-swap": _k3m(
        "K3M trained with modalities of other products",
        tasks=({"name": "modality-noise", "noise": 0.0, "swap": 0.15},),
    ),
    "k3m-gate": _k3m(
        "K3M with a gate of modalities by what is asked (NativE)", gate={"gate": "relation"}
    ),
    "k3m-experts": _k3m(
        "the gate with experts for each modality (MoMoK)",
        gate={"gate": "relation", "experts": 3},
    ),
    "k3m-expert-fusion": _k3m("K3M with a mixture of experts as fusion", fusion="experts"),
    "k3m-contrast": _k3m(
        "K3M with title, picture and triples brought together (GCL)",
        tasks=({"name": "contrastive", "weight": 0.1},),
    ),
}


def changed(settings: Mapping[str, Any], name: str) -> Config:
    """A config of `k3m-kg pretrain` (as `recipe` or a file gives it) as that of a preset.

    Evidence, which is no part of the paper, is left out of all but `k3m-evidence`, and all the
    others ask hidden questions: knowledge as text could not be asked otherwise. Tasks are those of
    the config, but that what does not learn from link prediction learns from masked words.

    Raises:
        UsageError: there is no such preset.
        ConfigError: the config has no link prediction to begin with, or cannot be matched.
    """
    preset = PRESETS.get(name)
    if preset is None:
        raise UsageError(unknown_name("preset", name, PRESETS), where="preset")
    made = copy.deepcopy(dict(settings))
    with_idea = _with_idea(made, preset)
    if name == "k3m":
        return with_idea
    target = weights_between(_with_idea(copy.deepcopy(dict(settings)), PRESETS["k3m"]))
    return matched(with_idea, target)


def _with_idea(settings: Config, preset: Preset) -> Config:
    model = dict(settings.get("model", {}))
    if not preset.evidence:
        model.pop("evidence", None)
    before = dict(model.get("interactor", {}))
    kept = {key: before[key] for key in ("layers", "heads") if key in before}
    if preset.interactor is _CO:  # K3M's own: as the config has it
        kept = before
    names = [_named(item)["name"] for item in settings.get("modalities", ("title", "image"))]
    modalities = [_named(item) for item in settings.get("modalities", ("title", "image"))]
    interactor = (
        {**preset.interactor, **kept} if preset.interactor is _CO else {**kept, **preset.interactor}
    )
    if preset.knowledge and "knowledge" not in names:
        modalities.insert(names.index("title") + 1 if "title" in names else 0, _PKG)
        if interactor["name"] != "single-stream" and "title" in names:
            interactor["together"] = [list(_TEXT_ONLY)]
    model |= {"interactor": interactor, "structure": _structure(model, preset)}
    if preset.structure == "none":  # where no product vector is made of them
        model["knowledge"] = "term"
    own = settings.get("fusion", preset.fusion)
    return settings | {
        "modalities": modalities,
        "fusion": own if _named(own)["name"] == preset.fusion else preset.fusion,
        "model": model,
        "tasks": _tasks(settings, preset),
    }


_PKG: Config = {"name": "knowledge"}


def _structure(model: Config, preset: Preset) -> Config:
    before = dict(model.get("structure", {}))
    if before.pop("name", _STAR) != preset.structure:
        before = {}
    return {"name": preset.structure, **before}


def _named(item: Any) -> Config:
    return {"name": item} if isinstance(item, str) else dict(item)


def _tasks(settings: Config, preset: Preset) -> list[Config]:
    tasks = [_named(task) for task in settings.get("tasks", ("mlm", "mom", "lpm"))]
    links = [task for task in tasks if task["name"] == "lpm"]
    if not links:
        raise ConfigError(
            "presets rank by link prediction, and the config has none",
            where="tasks",
            hint="add lpm to its tasks",
        )
    links[0] |= ({} if preset.evidence else {"questions": "hidden"}) | preset.gate
    if not preset.learns_links:
        links[0]["probe"] = True
    names = [task["name"] for task in tasks]
    if "mlm" not in names and not preset.learns_links:  # something must be learned
        tasks.insert(0, {"name": "mlm", "weight": 0.1})
    if preset.knowledge:
        for task in tasks:
            if task["name"] == "mlm":
                task["others"] = [*task.get("others", ()), "knowledge"]
    own = [dict(task) for task in preset.tasks if task["name"] not in names]
    return [*tasks, *own]


# -- equal numbers of weights


def weights_between(settings: Mapping[str, Any]) -> int:
    """Weights between the encoders and `c*`: interactor, fusions, structure aggregation.

    The encoders are the same in all that are compared, and would hide a difference.
    """
    data = {"snapshot": "snapshots", "output": "artifact"} | dict(settings)
    config = validate_settings(RunConfig, data, "preset")
    with weightless():
        layers = build_layers(config)
    return sum(weight.numel() for layer in layers for weight in layer.parameters())


def matched(settings: Config, target: int, within: float = _WITHIN) -> Config:
    """The config with the depth and the feed-forward width of its interactor set so that
    `weights_between` is `target`, give or take.

    The depth nearest to what it was is taken at which a width between H / 2 and 8 H does it.

    Raises:
        ConfigError: there is none.
    """
    model: Config = settings["model"]
    hidden = int(model.get("hidden", RunConfig.model_fields["model"].default.hidden))

    def with_size(layers: int, feed: int) -> Config:
        interactor = model["interactor"] | {"layers": layers, "feed": feed}
        return settings | {"model": model | {"interactor": interactor}}

    wanted = int(model["interactor"].get("layers", 2))
    for layers in sorted(range(1, _MOST_LAYERS + 1), key=lambda count: abs(count - wanted)):
        at_1, at_2 = (weights_between(with_size(layers, feed)) for feed in (1, 2))
        feed = round((target - at_1) / (at_2 - at_1)) + 1
        if not _NARROWEST * hidden <= feed <= _WIDEST * hidden:
            continue
        found = with_size(layers, feed)
        if abs(weights_between(found) - target) <= within * target:
            return found
    raise ConfigError(
        f"no depth and width of the interactor makes {target:,} weights of it",
        where="model.interactor",
        hint="take another model.hidden",
    )
