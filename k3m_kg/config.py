"""Settings: strict models, YAML in, one error that names the nearest key."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationError,
    model_validator,
)

from k3m_kg.errors import ConfigError, nearest, unknown_name


class Settings(BaseModel):
    """Base of every settings class: immutable, unknown keys are errors, numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _settings_apart(value: dict[str, Any], own: tuple[str, ...]) -> dict[str, Any]:
    """The keys in `own` as they are, all others under `settings`."""
    kept = {key: item for key, item in value.items() if key in own}
    return {**kept, "settings": {key: item for key, item in value.items() if key not in own}}


class Component(BaseModel):
    """A plugin by name with its own settings: `mean` or `{name: mean, key: value}`."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    name: str
    settings: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, dict) and "settings" not in value:
            return _settings_apart(value, ("name",))
        return value

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: Any, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """For editors: a name, or an object with a name and the plugin's own settings."""
        own = handler.resolve_ref_schema(handler(core_schema))
        spelled_out = {**own, "additionalProperties": True}
        return {"anyOf": [{"type": "string"}, spelled_out], "description": own["description"]}


class TaskComponent(Component):
    """A pretraining task with the weight of its loss."""

    weight: float = Field(1.0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _weight_apart(cls, value: Any) -> Any:
        if isinstance(value, dict) and "settings" not in value:
            return _settings_apart(value, ("name", "weight"))
        return value


class InteractorSettings(Settings):
    """Image-text co-attention.

    Attributes:
        layers: co-attention layers.
        heads: attention heads; H must be a multiple.
    """

    layers: int = Field(2, ge=1, le=24)
    heads: int = Field(4, ge=1)


class StructureSettings(Settings):
    """Aggregation of a product's triples into `c*`.

    Attributes:
        heads: attention heads, each as wide as H, averaged.
        backend: `torch` segment operations, or `dgl`; equal results.
    """

    heads: int = Field(8, ge=1)
    backend: Literal["torch", "dgl"] = "torch"


class ModelSettings(Settings):
    """Sizes of K3M; the shape letters are those of `k3m_kg.contracts`.

    Attributes:
        hidden: H, the width of every vector.
        pool: what `c` averages: all `tokens` of both modalities (the paper's), or the means of
            the two `modalities`.
        knowledge: `product` encodes a product's triples as one text, as the paper does; `term`
            encodes each property and value alone, once per batch (faster).
        picture: of a product with several pictures the model takes the `first`; `random` trains
            on any of them, another each time, and still evaluates with the first.
        max_title_tokens: T; longer titles are cut.
        max_term_tokens: tokens kept of one property or value.
        max_triples: P; a product's further triples are not encoded.
        dropout: in the interactor.
    """

    hidden: int = Field(192, ge=8)
    pool: Literal["tokens", "modalities"] = "tokens"
    knowledge: Literal["product", "term"] = "product"
    picture: Literal["first", "random"] = "first"
    max_title_tokens: int = Field(36, ge=1, le=512)
    max_term_tokens: int = Field(12, ge=1, le=128)
    max_triples: int = Field(64, ge=1)
    dropout: float = Field(0.1, ge=0, lt=1)
    interactor: InteractorSettings = InteractorSettings()
    structure: StructureSettings = StructureSettings()

    @model_validator(mode="after")
    def _heads_divide(self) -> ModelSettings:
        if self.hidden % self.interactor.heads:
            raise ValueError(
                f"hidden ({self.hidden}) must be a multiple of interactor.heads "
                f"({self.interactor.heads})"
            )
        return self


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
    max_products: int = Field(2000, ge=1)


class TrainingSettings(Settings):
    """The training loop.

    Attributes:
        epochs: passes over the training products.
        batch_size: products in one step.
        learning_rate: peak rate of newly initialised weights.
        pretrained_learning_rate: peak rate of weights that came from a checkpoint.
        weight_decay: of AdamW; biases and norms have none.
        betas: of AdamW.
        warmup: share of the steps with a linearly rising rate.
        schedule: how the rate falls after the warm-up.
        clip: largest norm of the gradient.
        checkpoint_steps: steps between checkpoints; every epoch ends with one too.
        seed: of weights, order, masking and everything else that is random.
        patience: epochs without a better validation MRR before stopping; 0 never stops early.
        ema: decay of the exponential moving average of the weights that is validated and kept;
            0 keeps the weights themselves.
        threads: CPU threads of torch; 0 leaves torch's own choice.
        device: `auto` takes a GPU where there is one; else `cpu`, `cuda`, `cuda:1`, ...
        precision: `bf16` computes matrix products in bfloat16, weights stay float32.
    """

    epochs: int = Field(10, ge=1)
    batch_size: int = Field(64, ge=1)
    learning_rate: float = Field(1e-3, gt=0)
    pretrained_learning_rate: float = Field(1e-5, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    betas: tuple[float, float] = (0.9, 0.98)
    warmup: float = Field(0.1, ge=0, le=1)
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    clip: float = Field(1.0, gt=0)
    ema: float = Field(0.0, ge=0, lt=1)
    patience: int = Field(0, ge=0)
    checkpoint_steps: int = Field(500, ge=1)
    seed: int = Field(0, ge=0, lt=2**32)
    threads: int = Field(0, ge=0)
    device: str = "auto"
    precision: Literal["fp32", "bf16"] = "fp32"


class RunConfig(Settings):
    """Everything that `k3m-kg pretrain` needs; saved resolved with the artifact.

    Attributes:
        snapshot: a snapshot, or a folder of snapshots (the latest is taken).
        output: the artifact folder to write.
        image_encoder: pictures to regions.
        text_encoder: titles, properties and values to tokens.
        fusion: what a token says alone with what it says after interaction.
        tasks: what is learned.
    """

    snapshot: Path
    output: Path
    image_encoder: Component = Component(name="patch-vit")
    text_encoder: Component = Component(name="bert-wordpiece")
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
    def _tasks_once(self) -> RunConfig:
        names = [task.name for task in self.tasks]
        if not names:
            raise ValueError("tasks: at least one is needed")
        if len(set(names)) != len(names):
            raise ValueError(f"a task is listed twice: {names}")
        return self


_S = TypeVar("_S", bound=BaseModel)


def validate_settings(cls: type[_S], data: Any, where: str) -> _S:
    """`data` as an instance of `cls`.

    Raises:
        ConfigError: unknown keys (with the nearest known one) or impossible values, all at once.
    """
    if not isinstance(data, dict):
        raise ConfigError(
            f"expected settings as key: value, got {type(data).__name__}", where=where
        )
    try:
        return cls.model_validate(data)
    except ValidationError as error:
        lines = [_explain(cls, item) for item in error.errors(include_url=False)]
        raise ConfigError("; ".join(lines), where=where) from None


def _explain(cls: type[BaseModel], item: Any) -> str:
    path = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        known = _fields_at(cls, item["loc"][:-1])
        guess = nearest(str(item["loc"][-1]), known)
        meant = f"; did you mean {guess!r}?" if guess else f"; known keys: {', '.join(known)}"
        return f"unknown key {path!r}{meant}"
    if item["type"] == "missing":
        return f"key {path!r} is required"
    message = item["msg"].removeprefix("Value error, ")
    return f"{path}: {message}" if path else message


def _fields_at(cls: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    """The keys known at `path`, which may lead through lists and optional settings."""
    current: Any = cls
    for part in path:
        if isinstance(part, str) and part in getattr(current, "model_fields", {}):
            current = current.model_fields[part].annotation
        inner = [item for item in get_args(current) if hasattr(item, "model_fields")]
        current = inner[0] if inner else current
    return sorted(getattr(current, "model_fields", ()))


_MERGE = "tag:yaml.org,2002:merge"


class _StrictLoader(yaml.SafeLoader):
    """The safe loader, which moreover refuses a key that stands twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; no tag in it can make an object or run anything.

    Raises:
        ConfigError: the file is missing, is no YAML, has a key twice, or holds something else
            than a mapping.
    """
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), _StrictLoader)  # noqa: S506 (is safe)
    except FileNotFoundError:
        raise ConfigError("no such file", where=str(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", where=str(path)) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"not valid YAML: {error}", where=str(path)) from None
    if not isinstance(data, dict):
        raise ConfigError("must hold settings as `key: value`", where=str(path))
    if odd := [key for key in data if not isinstance(key, str)]:
        raise ConfigError(f"keys must be text, not {odd[0]!r}", where=str(path))
    return data


def load_run_config(path: Path, overrides: list[str] | None = None) -> RunConfig:
    """The run config in `path`; see `load_config`."""
    return load_config(RunConfig, path, overrides)


def load_config(cls: type[_S], path: Path, overrides: list[str] | None = None) -> _S:
    """The config in `path`, with `key.sub=value` overrides (values are YAML) applied.

    Relative paths in the file are relative to the current folder, as on the command line.

    Raises:
        ConfigError: the file or an override cannot be used.
    """
    data = read_yaml(path)
    if overrides:
        data = _short(data)
    for override in overrides or []:
        key, separator, text = override.partition("=")
        if not separator or not key:
            raise ConfigError("an override must be key=value", where=f"--set {override}")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            raise ConfigError("the value is not valid YAML", where=f"--set {override}") from None
        _assign(cls, data, key.split("."), value, override)
    return validate_settings(cls, data, str(path))


def _assign(
    cls: type[BaseModel], data: dict[str, Any], keys: list[str], value: Any, override: str
) -> None:
    default = cls.model_fields.get(keys[0])
    if len(keys) > 1 and keys[0] not in data and default is not None:
        data[keys[0]] = _written(default.default)
    holder: Any = data
    for key in keys[:-1]:
        holder = _enter(holder, key, override)
    if not isinstance(holder, dict):
        raise ConfigError(f"name a setting of {keys[-1]!r}", where=f"--set {override}")
    holder[keys[-1]] = value


def _short(value: Any) -> Any:
    """Components as people write them: an artifact's config holds `{name, settings: {...}}`."""
    if isinstance(value, list):
        return [_short(item) for item in value]
    if not isinstance(value, dict):
        return value
    value = {key: _short(item) for key, item in value.items()}
    inner = value.get("settings")
    if (
        isinstance(inner, dict)
        and "name" in value
        and not {*value} - {"name", "weight", "settings"}
    ):
        del value["settings"]
        return inner | value
    return value


def _written(default: Any) -> Any:
    """A default as a config file would write it."""
    if isinstance(default, tuple):
        return [_written(item) for item in default]
    return _short(default.model_dump(mode="json")) if isinstance(default, Component) else {}


def _enter(holder: Any, key: str, override: str) -> Any:
    """What `key` leads to in a mapping, or in a list of plugins by name."""
    place: Any = key
    if isinstance(holder, list):
        names = [item.get("name") if isinstance(item, dict) else item for item in holder]
        if key not in names:
            raise ConfigError(
                unknown_name("plugin", key, map(str, names)), where=f"--set {override}"
            )
        place = names.index(key)
    else:
        holder.setdefault(key, {})
    if isinstance(holder[place], str):
        holder[place] = {"name": holder[place]}
    if not isinstance(holder[place], dict | list):
        raise ConfigError(f"{key!r} holds no settings", where=f"--set {override}")
    return holder[place]
