"""The config of `k3m-kg pretrain`: plugins by name, sizes, the loop, validation."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from k3m_kg.config.bounds import (
    MAX_BATCH,
    MAX_COUNT,
    MAX_EPOCHS,
    MAX_MINUTES,
    MAX_THREADS,
    MAX_TRIPLES,
    MAX_WIDTH,
)
from k3m_kg.config.settings import Component, Settings, settings_apart


class TaskComponent(Component):
    """A pretraining task with the weight of its loss."""

    weight: float = Field(1.0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _weight_apart(cls, value: Any) -> Any:
        if isinstance(value, dict) and "settings" not in value:
            return settings_apart(value, ("name", "weight"))
        return value


class InteractorComponent(Component):
    """An interactor by name; `co-attention` where only its settings are given."""

    kind: ClassVar[str] = "interactor"
    default_name: ClassVar[str | None] = "co-attention"


class StructureComponent(Component):
    """A structure aggregation by name; `star-attention` where only its settings are given."""

    kind: ClassVar[str] = "structure"
    default_name: ClassVar[str | None] = "star-attention"


class EvidenceSettings(Settings):
    """Settings of the evidence term of link prediction (`k3m_kg.lpm.evidence`).

    Attributes:
        weights: a weight for each pair of a feature and a value that training has together.
        vectors: a vector for each value that training has twice, beside that of its words.
        drop: share of the words and triples that a question does not see in training.
        dropout: in what is compared with the values' vectors.
        regressions: fit a converged linear model of each property too, on words, triples and what
            frozen networks see, for each set of modalities that may be missing, and mix it with
            all other terms as validation says.
    """

    weights: bool = True
    vectors: bool = True
    drop: float = Field(0.2, ge=0, lt=1)
    dropout: float = Field(0.2, ge=0, lt=1)
    regressions: bool = False


class ModelSettings(Settings):
    """Sizes of K3M; the shape letters are those of `k3m_kg.contracts`.

    Attributes:
        hidden: H, the width of every vector.
        pool: what `c` averages: all `tokens` of all modalities (the paper's), or the means of the
            `modalities`.
        knowledge: `product` encodes a product's triples as one text, as the paper does; `term`
            encodes each property and value alone, once per batch (faster).
        picture: of a product with several pictures the model takes the `first`; `random` trains
            on any of them, another each time, and still evaluates with the first.
        max_title_tokens: T; longer titles are cut.
        max_term_tokens: tokens kept of one property or value.
        max_triples: P; a product's further triples are not encoded.
        dropout: in the interactor.
        interactor: how the modalities look at each other.
        structure: how a product's triples are aggregated into `c*`.
        evidence: also count what speaks for each value; nothing is counted without it.
    """

    hidden: int = Field(192, ge=8, le=MAX_WIDTH)
    pool: Literal["tokens", "modalities"] = "tokens"
    knowledge: Literal["product", "term"] = "product"
    picture: Literal["first", "random"] = "first"
    max_title_tokens: int = Field(36, ge=1, le=512)
    max_term_tokens: int = Field(12, ge=1, le=128)
    max_triples: int = Field(64, ge=1, le=MAX_TRIPLES)
    dropout: float = Field(0.1, ge=0, lt=1)
    interactor: InteractorComponent = InteractorComponent(name="co-attention")
    structure: StructureComponent = StructureComponent(name="star-attention")
    evidence: EvidenceSettings | None = None


class ValidationSettings(Settings):
    """What is measured on the validation products while training.

    Attributes:
        properties: the properties asked; all where empty.
        hide: properties that are never shown as context, such as ones that determine the asked.
        cut_title: ask with the value's words cut out of the title.
        max_products: validate on at most this many products.
    """

    properties: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()
    cut_title: bool = True
    max_products: int = Field(2000, ge=1, le=MAX_COUNT)


class TrainingSettings(Settings):
    """The training loop.

    Attributes:
        epochs: passes over the training products.
        minutes: a budget for all of the training, preparation included: when the first steps have
            shown how long one takes, so many epochs are planned as fit. None: all epochs.
        batch_size: products in one step, on all processes together.
        accumulate: pieces that a step's batch is cut into, one after another on one process,
            shared out among several: less memory, the same step. Several processes cut it into at
            least one each.
        learning_rate: peak rate of newly initialised weights.
        pretrained_learning_rate: peak rate of weights that came from a checkpoint.
        weight_decay: of AdamW; biases and norms have none.
        betas: of AdamW.
        warmup: share of the steps with a linearly rising rate.
        schedule: how the rate falls after the warm-up.
        clip: largest norm of the gradient.
        checkpoint_steps: steps between checkpoints; every epoch ends with one too.
        log_steps: steps between looks at losses and speed: only then a GPU is waited for.
        loggers: where losses, validations and speed go besides `metrics.jsonl`: `tensorboard`,
            `wandb`, `mlflow`.
        keep_checkpoints: how many of the last checkpoints stay while it trains.
        seed: of weights, order, masking and everything else that is random.
        patience: epochs without a better validation MRR before stopping; 0 never stops early.
        ema: decay of the exponential moving average of the weights that is validated and kept;
            0 keeps the weights themselves.
        threads: CPU threads of torch; 0 leaves torch's own choice.
        device: `auto` takes a GPU where there is one; else `cpu`, `cuda`, `cuda:1`, ...
        precision: `bf16` computes matrix products in bfloat16, weights stay float32; `auto` does so
            on a GPU.
        strategy: of several processes: `ddp` keeps all weights in each; `fsdp` shares weights,
            average and optimiser out among them (FSDP2), which gather them for every step.
        compile: let torch compile the layers: faster steps on a GPU after up to a minute.
    """

    epochs: int = Field(10, ge=1, le=MAX_EPOCHS)
    minutes: float | None = Field(None, gt=0, le=MAX_MINUTES)
    batch_size: int = Field(64, ge=1, le=MAX_BATCH)
    accumulate: int = Field(1, ge=1, le=MAX_BATCH)
    learning_rate: float = Field(1e-3, gt=0)
    pretrained_learning_rate: float = Field(1e-5, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    betas: tuple[float, float] = (0.9, 0.98)
    warmup: float = Field(0.1, ge=0, le=1)
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    clip: float = Field(1.0, gt=0)
    ema: float = Field(0.0, ge=0, lt=1)
    patience: int = Field(0, ge=0, le=MAX_EPOCHS)
    checkpoint_steps: int = Field(500, ge=1, le=MAX_COUNT)
    log_steps: int = Field(10, ge=1, le=MAX_COUNT)
    loggers: tuple[Literal["tensorboard", "wandb", "mlflow"], ...] = ("tensorboard",)
    keep_checkpoints: int = Field(2, ge=1, le=1000)
    seed: int = Field(0, ge=0, lt=2**32)
    threads: int = Field(0, ge=0, le=MAX_THREADS)
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "fp32"
    strategy: Literal["ddp", "fsdp"] = "ddp"
    compile: bool = False


class RunConfig(Settings):
    """Everything that `k3m-kg pretrain` needs; saved resolved with the artifact.

    Attributes:
        snapshot: a snapshot, or a folder of snapshots (the latest is taken).
        output: the artifact folder to write.
        image_encoder: pictures to regions.
        text_encoder: titles, properties and values to tokens.
        modalities: what is looked at of a product besides its triples.
        fusion: what a token says alone with what it says after interaction.
        tasks: what is learned.
    """

    snapshot: Path
    output: Path
    image_encoder: Component = Component(name="patch-vit")
    text_encoder: Component = Component(name="bert-wordpiece")
    modalities: tuple[Component, ...] = (Component(name="title"), Component(name="image"))
    fusion: Component = Component(name="hard-spl")
    tasks: tuple[TaskComponent, ...] = (
        TaskComponent(name="mlm"),
        TaskComponent(name="mom"),
        TaskComponent(name="lpm"),
    )
    model: ModelSettings = ModelSettings()
    training: TrainingSettings = TrainingSettings()
    validation: ValidationSettings = ValidationSettings()

    @model_validator(mode="after")
    def _each_once(self) -> RunConfig:
        for one, listed in (("task", self.tasks), ("modality", self.modalities)):
            names = [component.name for component in listed]
            if not names:
                raise ValueError(f"at least one {one} is needed")
            if len(set(names)) != len(names):
                raise ValueError(f"a {one} is listed twice: {names}")
        return self
