"""What a grid consists of."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator, model_validator

from k3m_kg.config import Settings
from k3m_kg.corruption.kinds import CORRUPTIONS, kind_of

RATIOS = (0.0, 0.2, 0.5, 0.8, 1.0)
"""The paper's."""
LINEAR, BOOSTING = "linear", "boosting"
SIMPLE = (LINEAR, BOOSTING)
"""Models that nobody trains by a config: on what the first trained model is shown, ready-made."""
CLEAN = "clean"
MODELS = ("k3m", "vilbert", "vilbert-pkg", "vl-bert-pkg", "lxmert-pkg", LINEAR, BOOSTING)
"""What is asked where nobody names models: K3M, what the paper compares it with, and the simple."""


class GridSettings(Settings):
    """Which cells there are, and what every model gets alike.

    Attributes:
        models: presets, the first of which is compared with the best of those that are no variant
            of it (named alike: `k3m`, `k3m-evidence`, `k3m-mean`); and `linear`, `boosting`.
        tasks: evaluations by name, as `classification:articleType` with what it asks for.
        corruptions: by name.
        ratios: shares of products; 0 stands for the whole catalog, once.
        seeds: trainings of each preset.
        products: at most so many test products are asked; none: all.
        corrupt_seed: of whom corruptions meet, the same for all models.
        epochs: of training; none: as the config says, or as is chosen from the catalog's size.
        size: without a config, as of `pretrain`.
        overrides: `key=value` of the config.
    """

    models: tuple[str, ...]
    tasks: tuple[str, ...]
    corruptions: tuple[str, ...] = tuple(CORRUPTIONS)
    ratios: tuple[float, ...] = RATIOS
    seeds: int = Field(3, ge=1, le=100)
    products: int | None = Field(None, ge=1)
    corrupt_seed: int = Field(0, ge=0)
    epochs: int | None = Field(None, ge=1)
    size: str = "small"
    overrides: tuple[str, ...] = ()

    @field_validator("models", "tasks", "corruptions", "ratios")
    @classmethod
    def _each_once(cls, found: tuple[object, ...]) -> tuple[object, ...]:
        if not found:
            raise ValueError("at least one is needed")
        if len(set(found)) != len(found):
            raise ValueError("something is named twice")
        return found

    @field_validator("corruptions")
    @classmethod
    def _known(cls, found: tuple[str, ...]) -> tuple[str, ...]:
        for name in found:
            kind_of(name, "--corruptions")
        return found

    @field_validator("ratios")
    @classmethod
    def _shares(cls, found: tuple[float, ...]) -> tuple[float, ...]:
        if any(not 0 <= ratio <= 1 for ratio in found):
            raise ValueError("a ratio is a share from 0 to 1, such as 0.2 for 20 %")
        return tuple(sorted(found))

    @model_validator(mode="after")
    def _someone_to_train(self) -> GridSettings:
        if not self.presets:
            raise ValueError(
                "a model that is trained must be among the models, such as k3m-evidence (what "
                "pretrain makes), k3m or vilbert"
            )
        return self

    @property
    def presets(self) -> tuple[str, ...]:
        """The models that are trained."""
        return tuple(name for name in self.models if name not in SIMPLE)

    @property
    def simple(self) -> tuple[str, ...]:
        """The models that read ready-made features."""
        return tuple(name for name in self.models if name in SIMPLE)

    @property
    def champion(self) -> str:
        """The model that is compared with the others."""
        return self.presets[0]

    def baselines(self, among: tuple[str, ...]) -> list[str]:
        """Of some models those that the champion is compared with: none of its own variants."""
        family = _family(self.champion)
        return [name for name in among if _family(name) != family]

    @property
    def cells(self) -> list[tuple[str, float]]:
        """Corruption and share of every cell of a model, seed and task; the whole catalog first."""
        harmed = [ratio for ratio in self.ratios if ratio > 0]
        return [(CLEAN, 0.0), *((name, ratio) for name in self.corruptions for ratio in harmed)]


def _family(model: str) -> str:
    """Names of presets begin with whose variants they are: `k3m-evidence`, `vilbert-pkg`."""
    return model.partition("-")[0]


class GridMark(Settings):
    """What a grid's folder was begun with; cells of another cannot stand beside its own.

    Attributes:
        snapshot: id.
        config: SHA-256 of the config that all models are changes of.
        products, corrupt_seed: as of the grid.
        models: SHA-256 of the config of each preset.
    """

    format: int = 1
    snapshot: str
    config: str
    products: int | None
    corrupt_seed: int
    models: dict[str, str] = Field(default_factory=dict)


class GridPaths:
    """Where things lie in a grid's folder.

    Args:
        folder: it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = folder / "grid.json"
        self.page = folder / "report.html"
        self.plots = folder / "plots"

    def artifact(self, model: str, seed: int) -> Path:
        """The model that was trained."""
        return self.folder / "models" / f"{model}-{seed}"

    def cell(self, task: str, model: str, seed: int, corruption: str, ratio: float) -> Path:
        """What single items came to."""
        place = self.folder / "cells" / task.replace(":", "-").replace("/", "_")
        return place / f"{model}-{seed}" / f"{corruption}-{100 * ratio:g}.npz"
