"""The hooks a plugin may implement and the typed records they return.

Nothing here imports torch: listing plugins stays cheap, and a record's `factory` is where a plugin
imports what is heavy. The classes that factories build are documented in `k3m_kg.contracts`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pluggy

from k3m_kg.errors import PluginError
from k3m_kg.plugin.catalog_reader import CatalogReader
from k3m_kg.plugin.written_back import ChangeWriter

if TYPE_CHECKING:
    import torch

    from k3m_kg.config import Settings
    from k3m_kg.contracts import (
        Evaluation,
        Fusion,
        ImageEncoder,
        Interactor,
        LinkLoss,
        LinkScorer,
        Modality,
        ModalityContext,
        ModelContext,
        NegativeSampler,
        PretrainingTask,
        SamplerContext,
        StructureAggregation,
        TaskContext,
        TextEncoder,
        TrainedPredictor,
    )

PROJECT = "k3m_kg"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
_MISSING: Any = None


@dataclass(frozen=True, slots=True)
class PluginRecord:
    """What every record says.

    Attributes:
        name: as a config or an option writes it.
        summary: one line for `k3m-kg plugins list`.
        requires: the modules that `factory` imports and an installation may lack, such as
            `torch`. The record is listed without them, with what to install.
    """

    kind: ClassVar[str]
    name: str
    summary: str
    requires: tuple[str, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True, slots=True)
class ReaderPlugin(PluginRecord):
    """A catalog format. `factory(settings)` builds a `CatalogReader`.

    Attributes:
        config: the settings class, with a default for each; `Settings` itself for none.
        factory: makes the reader; readers are asked what they know with the default settings.
        worker: `module:name` of what makes the same reader in another process, called with the
            settings as keyword arguments of plain data (JSON); None: it reads in the process of
            the ingest only. A large source is read ahead by another process, which is about twice
            as fast, and imports this module and nothing else of the package.
        native: its parser is native code, which a file made for that can crash or swell: every
            source of this format is read by a worker with a limit of memory, whatever its size.
        takes_mapping: it goes by a mapping file where one is given. A reader that never does is
            not asked about a source that comes with one, where another knows the source too.
        changes: `changes(settings)` builds the `ChangeWriter` that writes changed products as the
            import file of this format; None: nothing can be written back.
    """

    kind: ClassVar[str] = "reader"
    config: type[Settings] = _MISSING
    factory: Callable[[Any], CatalogReader] = _MISSING
    worker: str | None = None
    native: bool = field(default=False, kw_only=True)
    takes_mapping: bool = field(default=True, kw_only=True)
    changes: Callable[[Any], ChangeWriter] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse what was a record before readers had settings: name, summary, factory.

        Raises:
            PluginError: there is no settings class or no factory, or a native parser has no worker.
        """
        is_settings = isinstance(self.config, type)  # the class itself would load pydantic here
        if not is_settings or self.factory is None:
            raise PluginError(
                f"the reader {self.name!r} has no {'factory' if is_settings else 'settings class'}",
                hint="write ReaderPlugin(name, summary, config, factory): `config` is a class "
                "derived from Settings (or Settings itself), and `factory` takes one",
            )
        if self.native and self.worker is None:
            raise PluginError(
                f"the reader {self.name!r} is native and has no worker",
                hint="give `worker`, the `module:name` of what makes it in another process",
            )


@dataclass(frozen=True, slots=True)
class ImageEncoderPlugin(PluginRecord):
    """An image encoder. `factory(settings, context)` builds an `ImageEncoder`."""

    kind: ClassVar[str] = "image-encoder"
    config: type[Settings]
    factory: Callable[[Any, ModelContext], ImageEncoder]


@dataclass(frozen=True, slots=True)
class TextEncoderPlugin(PluginRecord):
    """A text encoder. `factory(settings, context)` builds a `TextEncoder`."""

    kind: ClassVar[str] = "text-encoder"
    config: type[Settings]
    factory: Callable[[Any, ModelContext], TextEncoder]


@dataclass(frozen=True, slots=True)
class FusionPlugin(PluginRecord):
    """A fusion strategy. `factory(settings, context)` builds a `Fusion`."""

    kind: ClassVar[str] = "fusion"
    config: type[Settings]
    factory: Callable[[Any, ModelContext], Fusion]


@dataclass(frozen=True, slots=True)
class ModalityPlugin(PluginRecord):
    """A view of a product as tokens. `factory(settings, context)` builds a `Modality`."""

    kind: ClassVar[str] = "modality"
    config: type[Settings]
    factory: Callable[[Any, ModalityContext], Modality]


@dataclass(frozen=True, slots=True)
class InteractorPlugin(PluginRecord):
    """How modalities look at each other. `factory(settings, context)` builds an `Interactor`."""

    kind: ClassVar[str] = "interactor"
    config: type[Settings]
    factory: Callable[[Any, ModelContext], Interactor]


@dataclass(frozen=True, slots=True)
class StructurePlugin(PluginRecord):
    """Triples into `c*`. `factory(settings, context)` builds a `StructureAggregation`."""

    kind: ClassVar[str] = "structure"
    config: type[Settings]
    factory: Callable[[Any, ModelContext], StructureAggregation]


@dataclass(frozen=True, slots=True)
class TaskPlugin(PluginRecord):
    """A pretraining task. `factory(settings, context)` builds a `PretrainingTask`."""

    kind: ClassVar[str] = "task"
    config: type[Settings]
    factory: Callable[[Any, TaskContext], PretrainingTask]


@dataclass(frozen=True, slots=True)
class LinkScorerPlugin(PluginRecord):
    """An interaction function.

    Attributes:
        factory: `factory(settings, hidden)` builds a `LinkScorer` of vectors that are all `hidden`
            numbers wide: K3M's.
        for_dimension: `for_dimension(settings, dimension)` builds one of embeddings, whose entities
            and relations are as wide as the scorer's `entity_width` and `relation_width` say.
            Without it `factory` is asked, for vectors of that dimension.
    """

    kind: ClassVar[str] = "link-scorer"
    config: type[Settings]
    factory: Callable[[Any, int], LinkScorer]
    for_dimension: Callable[[Any, int], LinkScorer] | None = None


@dataclass(frozen=True, slots=True)
class LinkLossPlugin(PluginRecord):
    """A loss of true and wrong triples' scores. `factory(settings)` builds a `LinkLoss`."""

    kind: ClassVar[str] = "link-loss"
    config: type[Settings]
    factory: Callable[[Any], LinkLoss]


@dataclass(frozen=True, slots=True)
class NegativeSamplerPlugin(PluginRecord):
    """Where wrong triples come from. `factory(settings, context)` builds a `NegativeSampler`."""

    kind: ClassVar[str] = "negative-sampler"
    config: type[Settings]
    factory: Callable[[Any, SamplerContext], NegativeSampler]


@dataclass(frozen=True, slots=True)
class LinkPredictorPlugin(PluginRecord):
    """A kind of artifact that predicts links of products, such as K3M's own.

    Attributes:
        manifest: the file by which a folder is known as one of these artifacts.
        factory: `factory(path, device)` opens such a folder as a `TrainedPredictor`.
    """

    kind: ClassVar[str] = "link-predictor"
    manifest: str
    factory: Callable[[Path, torch.device], TrainedPredictor]


@dataclass(frozen=True, slots=True)
class EvaluationPlugin(PluginRecord):
    """A downstream task of `k3m-kg evaluate`. `factory(settings)` builds an `Evaluation`."""

    kind: ClassVar[str] = "evaluation"
    config: type[Settings]
    factory: Callable[[Any], Evaluation[Any]]


@dataclass(frozen=True, slots=True)
class CommandPlugin(PluginRecord):
    """A sub-command of `k3m-kg`.

    Attributes:
        summary: what `k3m-kg --help` says of it.
        factory: `factory()` gives the command, when it is first asked for: a `typer.Typer`, or a
            function whose parameters typer understands.
    """

    kind: ClassVar[str] = "command"
    factory: Callable[[], Any]


Plugin = (
    ReaderPlugin
    | ImageEncoderPlugin
    | TextEncoderPlugin
    | ModalityPlugin
    | InteractorPlugin
    | FusionPlugin
    | StructurePlugin
    | TaskPlugin
    | LinkScorerPlugin
    | LinkLossPlugin
    | NegativeSamplerPlugin
    | LinkPredictorPlugin
    | EvaluationPlugin
    | CommandPlugin
)


@hookspec
def k3m_kg_readers() -> list[ReaderPlugin]:  # type: ignore[empty-body]
    """Catalog formats that `k3m-kg ingest` understands."""


@hookspec
def k3m_kg_image_encoders() -> list[ImageEncoderPlugin]:  # type: ignore[empty-body]
    """Encoders that turn a picture into regions."""


@hookspec
def k3m_kg_text_encoders() -> list[TextEncoderPlugin]:  # type: ignore[empty-body]
    """Encoders for titles and knowledge."""


@hookspec
def k3m_kg_modalities() -> list[ModalityPlugin]:  # type: ignore[empty-body]
    """Views of a product as tokens, such as its title and its picture."""


@hookspec
def k3m_kg_interactors() -> list[InteractorPlugin]:  # type: ignore[empty-body]
    """Ways in which modalities look at each other."""


@hookspec
def k3m_kg_structures() -> list[StructurePlugin]:  # type: ignore[empty-body]
    """Ways to aggregate a product's triples into `c*`."""


@hookspec
def k3m_kg_fusions() -> list[FusionPlugin]:  # type: ignore[empty-body]
    """Ways to merge what a token says alone with what it says after interaction."""


@hookspec
def k3m_kg_tasks() -> list[TaskPlugin]:  # type: ignore[empty-body]
    """Pretraining tasks."""


@hookspec
def k3m_kg_link_scorers() -> list[LinkScorerPlugin]:  # type: ignore[empty-body]
    """Interaction functions of link prediction."""


@hookspec
def k3m_kg_link_losses() -> list[LinkLossPlugin]:  # type: ignore[empty-body]
    """Losses of embeddings: what true and wrong triples' scores are worth."""


@hookspec
def k3m_kg_negative_samplers() -> list[NegativeSamplerPlugin]:  # type: ignore[empty-body]
    """Where embeddings' wrong triples come from."""


@hookspec
def k3m_kg_link_predictors() -> list[LinkPredictorPlugin]:  # type: ignore[empty-body]
    """Trained models that `evaluate`, `complete`, `audit` and `embed` open."""


@hookspec
def k3m_kg_evaluations() -> list[EvaluationPlugin]:  # type: ignore[empty-body]
    """Downstream tasks that `k3m-kg evaluate --task` measures a trained model by."""


@hookspec
def k3m_kg_commands() -> list[CommandPlugin]:  # type: ignore[empty-body]
    """Sub-commands of `k3m-kg`."""
