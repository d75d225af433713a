"""What can be chosen when a snapshot is cut."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from k3m_kg.config import Settings

MAX_IMAGE_SIZE = 4096
"""Pixels of the longest side that a stored picture may have; a larger one is never decoded."""


CATEGORY = "category"
"""The property that says a product's category."""


class SnapshotSettings(Settings):
    """How a graph is cut; equal settings on an equal graph give equal bytes.

    Attributes:
        split_file: CSV with the columns id and split that says where each product goes.
        validation: share of the products (by group) for validation, unless a file says.
        test: share of the products (by group) for test, unless a file says.
        holdout: share of the train products' triples that are hidden for link prediction, one
            half for validation and one for test.
        seed: another seed, another split and other held-out triples.
        category: make each product's category a triple of the property `category` too, so that it
            is seen, asked and learned like any other.
        image_size: the longest side of a stored picture, in pixels.
        placeholders: keep values and categories that say nothing, such as `n/a`, `-` and
            `unknown`: a model then learns and proposes them.
    """

    split_file: Path | None = None
    validation: float = Field(default=0.1, ge=0, lt=1)
    test: float = Field(default=0.1, ge=0, lt=1)
    holdout: float = Field(default=0.05, ge=0, lt=1)
    seed: int = Field(default=0, ge=0, lt=2**64)
    category: bool = True
    image_size: int = Field(default=256, ge=8, le=MAX_IMAGE_SIZE)
    placeholders: bool = False

    @model_validator(mode="after")
    def _something_to_train_on(self) -> SnapshotSettings:
        if self.validation + self.test >= 1:
            raise ValueError(
                f"validation ({self.validation:g}) and test ({self.test:g}) leave nothing to train"
            )
        return self
