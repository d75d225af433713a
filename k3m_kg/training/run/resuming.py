"""What an unfinished run says of itself to whoever goes on with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from k3m_kg.config import RunConfig
from k3m_kg.errors import ArtifactError, ConfigError
from k3m_kg.files import write_text
from k3m_kg.manifests import read_json

_CONFIG = "config.json"
_FREE = frozenset(
    f"training.{name}"
    for name in (
        "checkpoint_steps",
        "keep_checkpoints",
        "log_steps",
        "loggers",
        "strategy",
        "threads",
    )
)
"""What may change between one part of a run and the next: nothing that is learned hangs on it."""


def keep_config(config: RunConfig, run: Path) -> None:
    """Write down what a run began with."""
    text = json.dumps(config.model_dump(mode="json"), ensure_ascii=False, indent=2)
    write_text(run / _CONFIG, text + "\n", ArtifactError, named=False)


def check_config(config: RunConfig, run: Path) -> None:
    """Nothing, where a run began with this config, or one that teaches the same.

    Raises:
        ConfigError: it began with another; says which settings differ.
    """
    before = read_json(run / _CONFIG)
    now = json.loads(json.dumps(config.model_dump(mode="json")))
    changed = sorted(set(_differences(before, now)) - _FREE)
    if changed:
        raise ConfigError(
            f"the config changed since the run began: {', '.join(changed)}",
            where=str(run),
            hint="resume with the same config, or start a new output",
        )


def begun_snapshot(config: RunConfig, run: Path) -> Path:
    """The snapshot that an unfinished run began with, if it is one of those the config means."""
    try:
        begun = Path(read_json(run / _CONFIG)["snapshot"])
        inside = begun.parent == config.snapshot.resolve()
        return begun if inside and begun.exists() else config.snapshot
    except (ArtifactError, OSError, ValueError, KeyError, TypeError):
        return config.snapshot


def _differences(before: Any, now: Any, path: str = "") -> Iterator[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        for key in before.keys() | now.keys():
            inner = f"{path}.{key}" if path else str(key)
            yield from _differences(before.get(key), now.get(key), inner)
    elif before != now:
        yield path
