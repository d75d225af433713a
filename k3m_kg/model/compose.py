"""From a run config and the installed plugins to a model and its tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from k3m_kg.config import Component, RunConfig
from k3m_kg.contracts import (
    Catalog,
    Fusion,
    ImageEncoder,
    LinkScorer,
    ModelContext,
    PretrainingTask,
    TaskContext,
    TextEncoder,
    initialise,
)
from k3m_kg.errors import PluginError
from k3m_kg.model.k3m import K3M
from k3m_kg.plugin.hookspecs import (
    FusionPlugin,
    ImageEncoderPlugin,
    LinkScorerPlugin,
    TaskPlugin,
    TextEncoderPlugin,
)
from k3m_kg.plugin.registry import Registry, registry


@dataclass(slots=True)
class Encoders:
    """The encoders before they are fitted: what is needed to prepare data."""

    image: ImageEncoder
    text: TextEncoder


def resolve(config: RunConfig) -> RunConfig:
    """The config with every plugin's own defaults written out.

    Raises:
        UsageError, ConfigError: unknown plugin or settings.
    """

    def filled(component: Component, kind: str, where: str) -> Component:
        settings = registry().settings(kind, component, where).model_dump(mode="json")
        return component.model_copy(update={"settings": settings})

    for task in config.tasks:  # a scorer that does not exist is better found now than after fitting
        where = f"tasks.{task.name}"
        scorer = getattr(registry().settings("task", task, where), "scorer", None)
        if isinstance(scorer, Component):
            registry().settings("link-scorer", scorer, f"{where}.scorer")
    return config.model_copy(
        update={
            "image_encoder": filled(config.image_encoder, "image-encoder", "image_encoder"),
            "text_encoder": filled(config.text_encoder, "text-encoder", "text_encoder"),
            "fusion": filled(config.fusion, "fusion", "fusion"),
            "tasks": tuple(filled(task, "task", f"tasks.{task.name}") for task in config.tasks),
        }
    )


def _context(config: RunConfig, restoring: bool) -> ModelContext:
    return ModelContext(config.model.hidden, config.training.seed, restoring)


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
    """The config's encoders, unfitted.

    Raises:
        UsageError, ConfigError: unknown plugin or settings.
        PluginError: a plugin breaks its contract.
    """
    context = _context(config, restoring)
    return Encoders(
        _build(config.image_encoder, ImageEncoderPlugin, "image_encoder", context, ImageEncoder),
        _build(config.text_encoder, TextEncoderPlugin, "text_encoder", context, TextEncoder),
    )


def build_model(config: RunConfig, encoders: Encoders, *, restoring: bool = False) -> K3M:
    """K3M around fitted encoders."""
    context = _context(config, restoring)
    fusions = [
        _build(config.fusion, FusionPlugin, "fusion", context, Fusion) for _ in ("title", "image")
    ]
    model = K3M(config.model, encoders.image, encoders.text, fusions[0], fusions[1])
    initialise(model.interactor)
    initialise(model.structure)
    return model


def task_context(config: RunConfig, model: K3M, catalog: Catalog) -> TaskContext:
    """What the tasks of this model may build on."""
    hidden = config.model.hidden

    def link_scorer(name: str, settings: dict[str, Any]) -> LinkScorer:
        component = Component(name=name, settings=settings)
        where = "tasks.lpm.scorer"
        built: LinkScorer = _build(component, LinkScorerPlugin, where, hidden, LinkScorer)
        return built

    def embedding() -> Tensor:
        return model.text_encoder.embedding_VH

    return TaskContext(
        hidden=hidden,
        vocab_size=model.text_encoder.vocab_size,
        mask_id=model.text_encoder.mask_id,
        embedding_VH=embedding,
        num_targets=model.image_encoder.num_targets,
        catalog=catalog,
        link_scorer=link_scorer,
    )


def build_tasks(config: RunConfig, model: K3M, catalog: Catalog) -> nn.ModuleDict:
    """The config's tasks by name; the first one with a `scorer` gives it to the model."""
    context = task_context(config, model, catalog)
    tasks = nn.ModuleDict()
    for component in config.tasks:
        task = _build(component, TaskPlugin, f"tasks.{component.name}", context, PretrainingTask)
        tasks[component.name] = task
        scorer = getattr(task, "scorer", None)
        if isinstance(scorer, LinkScorer) and not hasattr(model, "scorer"):
            model.scorer = scorer
    return tasks
