"""Settings of the built-in downstream tasks; no torch, so that listing them stays cheap."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from k3m_kg.api import Settings
from k3m_kg_evaluations.templates import LANGUAGES, ask_of

Direction = Literal["title-to-picture", "picture-to-title", "value-to-products"]


class RetrievalSettings(Settings):
    """How well one part of a product finds another, and a value its products.

    Attributes:
        directions: what is searched by what; those that the model cannot be asked are left out,
            and named.
        mode: how title and picture are compared: `direct` by the cosine of their vectors, `probe`
            by linear maps of both, fitted to train products; `finetune` trains a copy of the model
            with them.
        properties: whose values are searched for; where empty, all with at least two values.
        hide: properties that no product shows when a value is searched; none: as in training.
        cut_title: then cut the value's words out of the title; none: as in training.
        hide_modalities: parts of a product that are not shown when a value is searched.
        most: at most so many products are searched through, and so many fitted to, at random.
        most_values: at most so many values of a property are searched for, the commonest.
        epochs: of fine-tuning, at most.
        batch_size: products in one forward pass.
        baselines: also ask simple competitors, and say whether the model is ahead of them.
    """

    directions: tuple[Direction, ...] = (
        "title-to-picture",
        "picture-to-title",
        "value-to-products",
    )
    mode: Literal["direct", "probe", "finetune"] = "probe"
    properties: tuple[str, ...] = ()
    hide: tuple[str, ...] | None = None
    cut_title: bool | None = None
    hide_modalities: tuple[str, ...] = ()
    most: int = Field(10_000, ge=2)
    most_values: int = Field(100, ge=1)
    epochs: int = Field(6, ge=1)
    batch_size: int = Field(256, ge=1)
    baselines: bool = True


class AlignmentSettings(Settings):
    """How well two products are told to be the same one.

    Attributes:
        pairs: pairs with the truth: a file, or a folder with `train`, `valid` and `test`; CSV of
            two ids and a label, or lines of two records (`COL title VAL ...`) and a label. None:
            pairs are the links between products in the graph.
        links: the properties whose links say that two products are one; where empty, all links.
        negatives: wrong pairs drawn for each link, half of them alike in words.
        mode: `probe` fits a linear model on both products' frozen vectors, `finetune` trains a copy
            of the model that makes them, `cross` trains a copy of its text encoder that reads both
            products' texts as one.
        words: also give a probe the simple similarities of the competitors, and what a frozen text
            encoder says of both titles as they stand.
        epochs: of fine-tuning, at most.
        learning_rate: of pretrained weights; none: 0.0003, and 0.00005 of a text encoder.
        keep: wrong pairs that an epoch of `finetune` and `cross` is shown for each right one, anew
            in each; 0: all.
        hide_modalities: parts of a product that neither the model nor the baselines are shown.
        batch_size: products in one forward pass.
        baselines: also ask simple competitors, and say whether the model is ahead of them.
    """

    pairs: Path | None = Field(None, json_schema_extra={"input": True})
    links: tuple[str, ...] = ()
    negatives: int = Field(5, ge=1)
    mode: Literal["probe", "finetune", "cross"] = "probe"
    words: bool = False
    epochs: int = Field(6, ge=1)
    learning_rate: float | None = Field(None, gt=0)
    keep: int = Field(0, ge=0)
    hide_modalities: tuple[str, ...] = ()
    batch_size: int = Field(256, ge=1)
    baselines: bool = True


class QuestionAnsweringSettings(Settings):
    """How well questions about products are answered.

    Attributes:
        properties: what is asked about; where empty, all with at least two values in training.
        language: in which questions are asked: `en`, `de`, `es`, `fr`, `it`, `ja`, `nl`, `pt`,
            `zh`.
        template: another question, with `{property}` in it.
        answers: what an answer is ranked among: the values of `all` asked properties, or of its own
            `property`.
        mode: `probe` fits a small head on frozen vectors of product, question and answer;
            `finetune` trains a copy of the model with it; `links` asks link prediction.
        hide: properties that no question sees; none: as in training.
        cut_title: cut the asked value's words out of the title; none: as in training.
        leaking: also ask without the cut, and mark these figures as leaking.
        most: at most so many training questions, at random.
        epochs: of fine-tuning, at most.
        hide_modalities: parts of a product that neither the model nor the baselines are shown.
        batch_size: questions in one forward pass.
        baselines: also ask linear models, and say whether the model is ahead of them.
    """

    properties: tuple[str, ...] = ()
    language: str = "en"
    template: str | None = None
    answers: Literal["all", "property"] = "all"
    mode: Literal["probe", "finetune", "links"] = "probe"
    hide: tuple[str, ...] | None = None
    cut_title: bool | None = None
    leaking: bool = True
    most: int = Field(20_000, ge=2)
    epochs: int = Field(6, ge=1)
    hide_modalities: tuple[str, ...] = ()
    batch_size: int = Field(256, ge=1)
    baselines: bool = True

    @field_validator("language")
    @classmethod
    def _known_language(cls, value: str) -> str:
        if value not in LANGUAGES:
            raise ValueError(f"no questions in {value!r}: {', '.join(LANGUAGES)}, or a template")
        return value

    @field_validator("template")
    @classmethod
    def _asks_for_a_property(cls, value: str | None) -> str | None:
        if value is not None:
            ask_of(value, "colour")
        return value
