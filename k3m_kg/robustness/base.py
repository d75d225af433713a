"""The config that all models of a grid are changes of, and the properties that its tasks name.

No tensor is needed for it: what is wrong is told before anything heavy is loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from k3m_kg.config import as_written, read_yaml, with_overrides
from k3m_kg.config.run import RunConfig
from k3m_kg.errors import UsageError, unknown_name
from k3m_kg.plugin.registry import registry
from k3m_kg.snapshot import CATEGORY, Snapshot
from k3m_kg.training.recipe import Shape, recipe


def base_config(
    source: Path, snapshot: Snapshot | None, size: str, epochs: int | None, overrides: list[str]
) -> dict[str, Any]:
    """The config that every model is a change of, as a file holds it.

    Args:
        source: a config file, where `snapshot` is None.
        snapshot: what a config is chosen for.
        size: of that, as of `pretrain`.
        epochs: of training; None: as it says.
        overrides: `key=value`.

    Raises:
        ConfigError: it cannot be used.
    """
    if snapshot is None:
        found = read_yaml(source, RunConfig)
    else:

        def installed(kind: str, name: str) -> bool:
            return not registry().find(kind, name).lacks

        found = recipe(
            Shape.of(snapshot),
            installed,
            snapshot=snapshot.path,
            output=Path("model"),
            size=size,  # type: ignore[arg-type]
        ).settings
    if epochs is not None:
        overrides = [*overrides, f"training.epochs={epochs}"]
    found = dict(as_written(found))
    with_overrides(RunConfig, found, overrides, str(source))  # changes it
    return found


def snapshot_of(config: dict[str, Any], source: Path) -> Path:
    """Where a config's snapshot lies.

    Raises:
        UsageError: it names none.
    """
    if "snapshot" not in config:
        raise UsageError("names no snapshot", where=str(source))
    return Path(str(config["snapshot"]))


def check_targets(tasks: Sequence[str], snapshot: Snapshot) -> None:
    """Find the property of every task that names one.

    Raises:
        UsageError: a snapshot has no such property.
    """
    known = (*snapshot.properties, CATEGORY)
    for task in tasks:
        target = task.partition(":")[2]
        if target and target not in known:
            raise UsageError(unknown_name("property", target, known), where=f"--tasks {task}")
