"""Settings of the built-in evaluations; no torch, so that listing them stays cheap."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from k3m_kg.config import Settings


class LinkPredictionSettings(Settings):
    """How well missing values would be filled in.

    Attributes:
        properties: the properties asked; where empty, all with at least two values in training.
        hide: properties that no question sees; none: as in training.
        cut_title: cut the asked value's words out of the title; none: as in training.
        leakage: also report what is left without the answers that are given away.
        calibrate: fit probabilities on validation, keep them in the artifact, check them.
        diagram: with `calibrate`, the reliability diagram, a PNG; none: in the artifact.
        db: with `calibrate`, the graph with people's decisions, a database URL; none: no decisions.
        batch_size: questions in one forward pass.
        hide_modalities: parts of a product that neither the model nor the baselines are shown.
        baselines: also ask linear models, and say whether the model is ahead of them.
        per_property: print the baselines of each property too.
        quantities: also say how near the numbers of quantities are.
    """

    properties: tuple[str, ...] = ()
    hide: tuple[str, ...] | None = None
    cut_title: bool | None = None
    leakage: bool = True
    calibrate: bool = False
    diagram: Path | None = None
    db: str | None = None
    batch_size: int = Field(256, ge=1)
    hide_modalities: tuple[str, ...] = ()
    baselines: bool = True
    per_property: bool = False
    quantities: bool = True

    @property
    def usual(self) -> bool:
        """Whether it is asked as training validates, of all properties, with everything shown."""
        return (
            not (self.properties or self.hide_modalities)
            and self.hide is None
            and self.cut_title is None
        )

    @model_validator(mode="after")
    def _diagram_of_calibration(self) -> LinkPredictionSettings:
        if self.diagram is not None and not self.calibrate:
            raise ValueError("--diagram is for --calibrate")
        return self


class OpenValuesSettings(Settings):
    """What is read off products' own texts, and how well.

    Attributes:
        properties: the properties asked; where empty, all that are open.
        batch_size: questions in one forward pass.
    """

    properties: tuple[str, ...] = ()
    batch_size: int = Field(256, ge=1)


class ClassificationSettings(Settings):
    """How well `c*` tells a property or the category.

    Attributes:
        target: what to classify by: a property, or `category`.
        mode: `links` asks link prediction for the value, `probe` fits a linear model on frozen
            vectors, `auto` takes the one of the two that is more often right on validation;
            `finetune` trains a copy of it all.
        hide: further properties that no product shows; none: as in training.
        cut_title: cut the target's words out of the title; none: as in training, never of a
            category.
        epochs: of fine-tuning, at most.
        batch_size: products in one forward pass.
        hide_modalities: parts of a product that neither the model nor the baselines are shown.
        baselines: also ask linear models, and say whether the model is ahead of them.
    """

    target: str
    mode: Literal["auto", "links", "probe", "finetune"] = "auto"
    hide: tuple[str, ...] | None = None
    cut_title: bool | None = None
    epochs: int = Field(6, ge=1)
    batch_size: int = Field(256, ge=1)
    hide_modalities: tuple[str, ...] = ()
    baselines: bool = True

    @property
    def usual(self) -> bool:
        """Whether it is asked as training validates, with everything shown."""
        return not self.hide_modalities and self.hide is None and self.cut_title is None
