"""From a run config and the installed plugins to a model and its tasks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from k3m_kg.config import Component, RunConfig, components_in
from k3m_kg.contracts import (
    TRIPLES,
    Catalog,
    Fusion,
    ImageEncoder,
    Interactor,
    LinkScorer,
    Modality,
    ModalityContext,
    ModelContext,
    PretrainingTask,
    StructureAggregation,
    TaskContext,
    TextEncoder,
)
from k3m_kg.contracts.weightless import weightless
from k3m_kg.errors import K3MError, PluginError
from k3m_kg.lpm.evidence.module import Evidence
from k3m_kg.model.k3m import K3M
from k3m_kg.plugin.hookspecs import (
    FusionPlugin,
    ImageEncoderPlugin,
    InteractorPlugin,
    LinkScorerPlugin,
    ModalityPlugin,
    StructurePlugin,
    TaskPlugin,
    TextEncoderPlugin,
)
from k3m_kg.plugin.registry import Registry, registry


@dataclass(slots=True)
class Encoders:
    """What is needed to prepare data, before it is fitted.

    Attributes:
        image: reads pictures; None of a model that has no modality which does.
        text: reads texts.
        modalities: built on them, by name.
    """

    image: ImageEncoder | None
    text: TextEncoder
    modalities: dict[str, Modality]

    @classmethod
    def of(cls, model: K3M) -> Encoders:
        """Those of a model."""
        image: Any = dict(model.encoders.items()).get("image")
        return cls(image, model.text_encoder, model.views())


def resolve(config: RunConfig) -> RunConfig:
    """The config with every plugin's own defaults written out.

    Raises:
        UsageError, ConfigError: unknown plugin or settings, also in plugins that settings name.
    """

    def filled(component: Component, kind: str, where: str) -> Component:
        settings = registry().settings(kind, component, where)
        for inner, named in components_in(settings, where):
            registry().settings(named.kind, named, inner)
        return component.model_copy(update={"settings": settings.model_dump(mode="json")})

    for item in config.modalities:
        _check_name(item.name)
    model = config.model
    context = _context(config, restoring=True)
    for build in (_interactor, _structure):  # better found now than after preparing
        try:
            with weightless():
                build(config, context)
        except K3MError:
            raise
        except Exception:  # noqa: S112  # a plugin that cannot be built without memory is built later
            continue
    return config.model_copy(
        update={
            "image_encoder": filled(config.image_encoder, "image-encoder", "image_encoder"),
            "text_encoder": filled(config.text_encoder, "text-encoder", "text_encoder"),
            "modalities": tuple(
                filled(item, "modality", f"modalities.{item.name}") for item in config.modalities
            ),
            "fusion": filled(config.fusion, "fusion", "fusion"),
            "tasks": tuple(filled(task, "task", f"tasks.{task.name}") for task in config.tasks),
            "model": model.model_copy(
                update={
                    "interactor": filled(model.interactor, "interactor", "model.interactor"),
                    "structure": filled(model.structure, "structure", "model.structure"),
                }
            ),
        }
    )


_TAKEN = {TRIPLES, "values", "titles", "images", "all"}
"""Words that mean something else beside the names of modalities."""


def _check_name(name: str) -> None:
    """Raise a PluginError where a modality's name cannot be one."""
    if not re.fullmatch("[a-z][a-z0-9_-]*", name) or name in _TAKEN or name in dir(nn.ModuleDict):
        raise PluginError(
            f"{name!r} cannot be the name of a modality",
            where="modalities",
            hint="a word of small letters, digits and hyphens that is not taken: "
            f"{', '.join(sorted(_TAKEN))} and what torch calls its modules' methods are",
        )


def plugins_of(config: RunConfig) -> Iterator[tuple[str, str]]:
    """(kind, name) of every plugin that a config uses, those named by settings of others too."""
    listed = [
        ("image-encoder", config.image_encoder, "image_encoder"),
        ("text-encoder", config.text_encoder, "text_encoder"),
        *(("modality", item, f"modalities.{item.name}") for item in config.modalities),
        ("interactor", config.model.interactor, "model.interactor"),
        ("fusion", config.fusion, "fusion"),
        ("structure", config.model.structure, "model.structure"),
        *(("task", task, f"tasks.{task.name}") for task in config.tasks),
    ]
    for kind, component, where in listed:
        yield kind, component.name
        settings = registry().settings(kind, component, where)
        for _, named in components_in(settings, where):
            yield named.kind, named.name


def _context(config: RunConfig, restoring: bool) -> ModelContext:
    return ModelContext(
        config.model.hidden,
        config.training.seed,
        restoring,
        tuple(item.name for item in config.modalities),
        config.model.dropout,
    )


def _build(component: Component, cls: Any, where: str, argument: Any, expected: type) -> Any:
    found: Registry = registry()
    record = found.get(cls, component.name)
    built = record.factory(found.settings(cls.kind, component, where), argument)
    if not isinstance(built, expected):
        raise PluginError(
            f"{cls.kind} {component.name!r} built a {type(built).__name__}, "
            f"which is no {expected.__name__}",
            where=where,
        )
    return built


def build_encoders(config: RunConfig, *, restoring: bool = False) -> Encoders:
    """The config's encoders and the modalities on them, unfitted.

    Raises:
        UsageError, ConfigError: unknown plugin or settings.
        PluginError: a plugin breaks its contract.
    """
    context = _context(config, restoring)
    image = _build(config.image_encoder, ImageEncoderPlugin, "image_encoder", context, ImageEncoder)
    text = _build(config.text_encoder, TextEncoderPlugin, "text_encoder", context, TextEncoder)
    on = ModalityContext(context, text, image, config.model)
    modalities = {
        item.name: _build(item, ModalityPlugin, f"modalities.{item.name}", on, Modality)
        for item in config.modalities
    }
    return Encoders(image, text, modalities)


def _interactor(config: RunConfig, context: ModelContext) -> Interactor:
    where, component = "model.interactor", config.model.interactor
    built: Interactor = _build(component, InteractorPlugin, where, context, Interactor)
    return built


def _structure(config: RunConfig, context: ModelContext) -> StructureAggregation:
    where, component, cls = "model.structure", config.model.structure, StructureAggregation
    built: StructureAggregation = _build(component, StructurePlugin, where, context, cls)
    return built


def build_layers(config: RunConfig) -> list[nn.Module]:
    """What lies between encoders and `c*`: the interactor, a fusion for each modality, structure.

    Raises:
        UsageError, ConfigError: unknown plugin or settings.
        PluginError: a plugin breaks its contract.
    """
    context = _context(config, restoring=True)
    fusions = [
        _build(config.fusion, FusionPlugin, "fusion", context, Fusion) for _ in config.modalities
    ]
    return [_interactor(config, context), *fusions, _structure(config, context)]


def build_model(config: RunConfig, encoders: Encoders, *, restoring: bool = False) -> K3M:
    """K3M around fitted encoders."""
    context, settings = _context(config, restoring), config.model
    fusions = {
        name: _build(config.fusion, FusionPlugin, "fusion", context, Fusion)
        for name in encoders.modalities
    }
    interactor, structure = _interactor(config, context), _structure(config, context)
    shared: dict[str, nn.Module] = {"text": encoders.text}
    parts = (part for modality in encoders.modalities.values() for part in modality.modules())
    if encoders.image is not None and any(part is encoders.image for part in parts):
        shared = {"image": encoders.image, **shared}
    evidence = None
    if settings.evidence is not None:
        evidence = Evidence(settings.evidence, settings.hidden, list(encoders.modalities))
    model = K3M(settings, shared, encoders.modalities, fusions, interactor, structure, evidence)
    interactor.reset_parameters()
    structure.reset_parameters()
    return model


def task_context(config: RunConfig, model: K3M, catalog: Catalog) -> TaskContext:
    """What the tasks of this model may build on."""
    hidden = config.model.hidden

    def link_scorer(component: Component) -> LinkScorer:
        where = f"the link scorer {component.name!r}"
        built: LinkScorer = _build(component, LinkScorerPlugin, where, hidden, LinkScorer)
        return built

    def embedding() -> Tensor:
        return model.text_encoder.embedding_VH

    return TaskContext(
        hidden=hidden,
        vocab_size=model.text_encoder.vocab_size,
        mask_id=model.text_encoder.mask_id,
        special_ids=tuple(model.text_encoder.special_ids),
        embedding_VH=embedding,
        num_targets={name: item.num_targets for name, item in model.views().items()},
        of_words=frozenset(name for name, item in model.views().items() if item.of_words),
        of_triples=frozenset(name for name, item in model.views().items() if item.of_triples),
        catalog=catalog,
        link_scorer=link_scorer,
    )


def build_tasks(config: RunConfig, model: K3M, catalog: Catalog) -> nn.ModuleDict:
    """The config's tasks by name; the first one that ranks gives its scorer to the model."""
    context = task_context(config, model, catalog)
    tasks = nn.ModuleDict()
    for component in config.tasks:
        task = _build(component, TaskPlugin, f"tasks.{component.name}", context, PretrainingTask)
        tasks[component.name] = task
        scorer = task.link_scorer()
        if scorer is not None and not model.ranks:
            model.rank_with(scorer)
    return tasks
