"""Link scorers by name: from settings and a width to a PyKEEN interaction."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from math import prod
from typing import Any

from torch import Tensor
from torch.nn import functional

from k3m_kg.config import Settings
from k3m_kg.errors import ConfigError, unknown_name
from k3m_kg.scorers.interactions import (
    AffineScorer,
    ComplExScorer,
    DistMultScorer,
    InteractionScorer,
    RotatEScorer,
    TransEScorer,
)
from k3m_kg.scorers.pykeen_home import keep_home_clean
from k3m_kg.scorers.settings import INTERACTIONS, ConvESettings

keep_home_clean()

from pykeen.nn.modules import ConvEShapeInformation, interaction_resolver  # noqa: E402 (only now)
from pykeen.utils import complex_normalize  # noqa: E402

Constraint = Callable[[list[Tensor]], list[Tensor]]

_OWN_CLASSES: dict[str, type[InteractionScorer]] = {
    "transe": TransEScorer,
    "distmult": DistMultScorer,
    "complex": ComplExScorer,
    "rotate": RotatEScorer,
}
_RENAMED = {"lineare": "LineaRE"}
_OURS = {"relation_dimension", "rank", "slices"}
"""Settings that say how vectors are cut, which PyKEEN keeps outside the interaction."""
_LEAST_VARIANCE, _LARGEST_VARIANCE = 0.05, 5.0


def build_scorer(name: str, settings: Settings, dimension: int) -> InteractionScorer:
    """An interaction over entities and relations of `dimension` d, as PyKEEN counts d.

    The scorer's `entity_width` and `relation_width` say how many reals each takes.

    Raises:
        ConfigError: unknown name, or d does not fit the interaction.
    """
    if name not in INTERACTIONS:
        raise ConfigError(unknown_name("interaction", name, INTERACTIONS))
    interaction = _interaction(name, settings, dimension)
    sizes = _sizes(name, settings, dimension)
    constraints = {
        "relation_constraint": _RELATIONS.get(name),
        "entity_constraint": _ENTITIES.get(name),
    }
    if name in _OWN_CLASSES:
        return _OWN_CLASSES[name](interaction, sizes, **constraints)
    affine = INTERACTIONS[name].affine
    if affine:
        return AffineScorer(interaction, sizes, heads=affine == "both", **constraints)
    return InteractionScorer(interaction, sizes, **constraints)


def build_for_width(name: str, settings: Settings, hidden: int) -> InteractionScorer:
    """An interaction over heads, relations and tails that are all `hidden` reals wide.

    d is the largest for which entity and relation both fit. Where they take equally many numbers,
    all H are read; where not, the longer of the two decides and of the other the first numbers
    are read: with TransH, H reals of a relation are two vectors of H/2, so d = H/2.

    Raises:
        ConfigError: H leaves numbers over that a slightly different H would not, or is too small.
    """
    unit = _unit(name, settings)
    if unit and hidden % unit:
        need = (
            "as complex numbers and needs an even width"
            if name in _COMPLEX
            else f"in {unit} equal parts and needs a multiple of {unit} as width"
        )
        raise ConfigError(
            f"the link scorer {name!r} reads vectors {need}, not {hidden}", where="model.hidden"
        )
    dimension = hidden // unit if unit else _largest(name, settings, hidden)
    return build_scorer(name, settings, dimension)


def widths(name: str, settings: Settings, dimension: int) -> tuple[int, int]:
    """(entity, relation): how many reals an interaction of that dimension reads of each."""
    shapes = _shapes(name, settings)
    sizes = _sizes(name, settings, dimension)
    factor = 2 if name in _COMPLEX else 1
    entity, relation = (
        factor * sum(prod(sizes[letter] for letter in shape) for shape in side) for side in shapes
    )
    return entity, relation


_COMPLEX = ("complex", "rotate")
_PICKY = ("conve", "transformer")
"""Not every d will do."""


def _unit(name: str, settings: Settings) -> int:
    """How many numbers per d both entity and relation take, or 0 where they differ."""
    first, second = widths(name, settings, 1), widths(name, settings, 2)
    grows = second == (2 * first[0], 2 * first[1])
    return first[0] if grows and first[1] in (first[0], 0) and name not in _PICKY else 0


def _largest(name: str, settings: Settings, hidden: int) -> int:
    step = getattr(settings, "num_heads", 1)
    usable = [d for d in range(step, hidden + 1, step) if _is_possible(name, settings, d)]
    fitting = [d for d in usable if max(widths(name, settings, d)) <= hidden]
    if not fitting:
        raise ConfigError(
            f"a width of {hidden} is too small for the link scorer {name!r}",
            where="model.hidden",
            hint="an entity and a relation of d = 1 already take {} and {} numbers".format(
                *widths(name, settings, 1)
            ),
        )
    return fitting[-1]


def _is_possible(name: str, settings: Settings, dimension: int) -> bool:
    """Whether d numbers make a picture that ConvE's filters fit into; true of all others."""
    if not isinstance(settings, ConvESettings):
        return True
    options: Any = settings.model_dump(
        include={"input_channels", "output_channels", "kernel_width", "kernel_height"}
    )
    try:
        picture = ConvEShapeInformation.make(
            dimension,
            image_height=settings.embedding_height,
            image_width=settings.embedding_width,
            **options,
        )
    except ValueError:
        return False
    fits: bool = (
        picture.image_height >= picture.kernel_height
        and picture.image_width >= picture.kernel_width
    )
    return fits


def _shapes(name: str, settings: Settings) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if name == "autosf":
        blocks: Any = getattr(settings, "coefficients")  # noqa: B009 (of one subclass only)
        entity = 1 + max(max(head, tail) for head, _, tail, _ in blocks)
        return ("d",) * entity, ("d",) * (1 + max(relation for _, relation, _, _ in blocks))
    shape: Any = interaction_resolver.lookup(_RENAMED.get(name, name))
    return tuple(shape.entity_shape), tuple(shape.relation_shape)


def _sizes(name: str, settings: Settings, dimension: int) -> dict[str, int]:
    sizes = dict.fromkeys("def", dimension) | {"s": 1, "k": 4}  # k of QuatE
    sizes["e"] = getattr(settings, "relation_dimension", None) or dimension
    sizes["k"] = getattr(settings, "rank", None) or getattr(settings, "slices", None) or 4
    return sizes


def _interaction(name: str, settings: Settings, dimension: int) -> Any:
    cls = interaction_resolver.lookup(_RENAMED.get(name, name))
    known = inspect.signature(cls.__init__).parameters
    options = {key: value for key, value in settings.model_dump().items() if key not in _OURS}
    for key in ("embedding_dim", "input_dim", "head_dim"):
        if key in known:
            options[key] = dimension
    if not _is_possible(name, settings, dimension):
        raise ConfigError(
            f"{dimension} numbers make no picture that the filters of {name} fit into",
            hint="choose a dimension with two factors of at least the kernel's size, as 200",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of torch's own transformer
            interaction: Any = cls(**options)
    except (ValueError, AssertionError, RuntimeError) as error:
        raise ConfigError(
            f"{name} cannot be built for a dimension of {dimension}: {error}",
            hint="choose another dimension, or other settings of the interaction",
        ) from None
    interaction.reset_parameters()
    return interaction


def _unit_phases(parts: list[Tensor]) -> list[Tensor]:
    return [complex_normalize(part) for part in parts]


def _unit_quaternions(parts: list[Tensor]) -> list[Tensor]:
    return [functional.normalize(part, dim=-1) for part in parts]


def _positive_variance(parts: list[Tensor]) -> list[Tensor]:
    mean, spread = parts
    return [mean, functional.softplus(spread).clamp(_LEAST_VARIANCE, _LARGEST_VARIANCE)]


_RELATIONS: Mapping[str, Constraint] = {
    "rotate": _unit_phases,
    "quate": _unit_quaternions,
    "kg2e": _positive_variance,
}
_ENTITIES: Mapping[str, Constraint] = {"kg2e": _positive_variance}
"""Constraints without which an interaction means nothing, applied whenever vectors are read."""
