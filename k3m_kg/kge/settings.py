"""The config of `k3m-kg kge train`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from k3m_kg.config import Component, Settings
from k3m_kg.config.bounds import MAX_BATCH, MAX_COUNT, MAX_EPOCHS, MAX_THREADS, MAX_WIDTH


class DataSettings(Settings):
    """Where the triples are: a folder, or three files.

    Attributes:
        folder: holds train, validation (or valid) and test as .tsv, .txt or .tsv.gz: head,
            relation, tail.
        train: the training triples, instead of a folder.
        validation: the validation triples.
        test: the test triples.
    """

    folder: Path | None = None
    train: Path | None = None
    validation: Path | None = None
    test: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def _old_name(cls, value: Any) -> Any:
        """Artifacts and checkpoints written before the key was called validation have it unset."""
        if isinstance(value, dict) and value.get("valid", "") is None:
            value = {key: setting for key, setting in value.items() if key != "valid"}
        return value

    @model_validator(mode="after")
    def _one_way(self) -> DataSettings:
        files = (self.train, self.validation, self.test)
        if (self.folder is None) == (self.train is None) or (self.folder and any(files)):
            raise ValueError("name either a folder, or the files train, validation and test")
        if self.train and not (self.validation and self.test):
            raise ValueError("validation and test are needed beside train")
        return self


class NegativeSettings(Settings):
    """Wrong triples to learn from.

    Attributes:
        sampler: a negative sampler by name: `uniform`, `bernoulli`, `type` (what the relation has
            on that side in training), `batch` (the answers of the group's others), `all` entities,
            or a plugin's with its settings.
        count: negatives of each triple; `batch` and `all` have their own number.
        shared: so many triples in a row share their negatives, which then cost one matrix product;
            with `all` half the batch does.
        known: also leave out negatives that are true in training.
    """

    sampler: Component = Component(name="uniform")
    count: int = Field(64, ge=1, le=MAX_BATCH)
    shared: int = Field(4, ge=1, le=MAX_BATCH)
    known: bool = False


class FeatureSettings(Settings):
    """Frozen vectors of entities, from text or pictures.

    Attributes:
        path: a Parquet file with the columns id and vector, as `k3m-kg embed` writes it.
        embedding: also learn a vector of its own for every entity, added to the mapped one.
    """

    path: Path
    embedding: bool = True


class KgeTraining(Settings):
    """The training loop.

    Attributes:
        epochs: passes over the training triples.
        batch_size: triples in one step.
        learning_rate: of all weights, at the start.
        schedule: how the rate falls from epoch to epoch.
        optimizer: `adam` or `adagrad`; both change only the rows that a step has touched.
        l3: weight of the third power of the vectors' absolute values (Lacroix et al. 2018).
        unit_entities: scale entities to length 1 after each step, as TransE does.
        validate_every: epochs between validations.
        validation_triples: validate on at most this many.
        patience: validations without a better MRR before stopping; 0 never stops early.
        seed: of weights, order and negatives.
        threads: CPU threads of torch; 0 leaves torch's own choice.
        device: `auto` takes a GPU where there is one; else `cpu`, `cuda`, ...
    """

    epochs: int = Field(50, ge=1, le=MAX_EPOCHS)
    batch_size: int = Field(1024, ge=1, le=MAX_BATCH)
    learning_rate: float = Field(1e-3, gt=0)
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    optimizer: Literal["adam", "adagrad"] = "adam"
    l3: float = Field(0.0, ge=0)
    unit_entities: bool = False
    validate_every: int = Field(5, ge=1, le=MAX_EPOCHS)
    validation_triples: int = Field(5000, ge=1, le=MAX_COUNT)
    patience: int = Field(0, ge=0, le=MAX_EPOCHS)
    seed: int = Field(0, ge=0, lt=2**32)
    threads: int = Field(0, ge=0, le=MAX_THREADS)
    device: str = "auto"


class KgeConfig(Settings):
    """Everything that `k3m-kg kge train` needs; saved resolved with the artifact.

    Attributes:
        output: the artifact folder to write.
        triples: plain triple files to learn from; or else
        snapshot: a snapshot, or a folder of snapshots, whose held-out triples are asked.
        model: a link scorer by name, as `transe`, with its settings: `{name: transe, p: 1}`.
        dimension: d of the interaction, as PyKEEN counts it: complex numbers count once.
        inverse_relations: learn a vector for each relation's inverse and ask heads by it.
        features: frozen vectors of entities; none where absent.
        loss: `margin`, `nssa`, `infonce`, `bce`, `cross-entropy` or a plugin's, with its settings.
        negatives: wrong triples to learn from.
        training: the loop.
    """

    output: Path
    triples: DataSettings | None = None
    snapshot: Path | None = None
    model: Component = Component(name="rotate")
    dimension: int = Field(64, ge=1, le=MAX_WIDTH)
    inverse_relations: bool = False
    features: FeatureSettings | None = None
    loss: Component = Component(name="nssa")
    negatives: NegativeSettings = NegativeSettings()
    training: KgeTraining = KgeTraining()

    @model_validator(mode="after")
    def _one_source(self) -> KgeConfig:
        if (self.triples is None) == (self.snapshot is None):
            raise ValueError("name either triples or a snapshot")
        if self.training.batch_size < self.negatives.shared:
            raise ValueError("training.batch_size is smaller than negatives.shared")
        return self
