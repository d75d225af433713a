"""Where the numbers of a training go besides `metrics.jsonl`: TensorBoard, W&B, MLflow.

The clients of the latter two are the user's own choice and no dependency: they are imported when a
config names them.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from k3m_kg.errors import ArtifactError, ConfigError
from k3m_kg.extras import MODULES, require
from k3m_kg.files import write_text

_INSTALL = {"wandb": "wandb", "mlflow": "mlflow-skinny"}
_LONGEST_PARAMETER = 500


class ScalarLogger(Protocol):
    """Takes numbers by name and step."""

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Numbers of one step."""

    def flush(self) -> None:
        """They are kept, whatever comes."""

    def close(self) -> None:
        """No more will come."""


def check_loggers(names: Iterable[str]) -> None:
    """Nothing, where all of them are installed; none is imported.

    Raises:
        MissingExtraError: an extra of this package brings it.
        ConfigError: the user's own package to install.
    """
    for name in names:
        if name in MODULES:
            require(name)
        elif find_spec(name) is None:
            raise ConfigError(
                f"{name} is not installed",
                where="training.loggers",
                hint=f"pip install '{_INSTALL[name]}', or leave it out",
            )


def open_loggers(
    names: Iterable[str], folder: Path, config: Mapping[str, Any], step: int
) -> list[ScalarLogger]:
    """The loggers of a run, which may go on.

    Args:
        names: of them.
        folder: the run's; what is local goes there.
        config: resolved, to show beside the numbers.
        step: steps already done.
    """
    return [_KINDS[name](folder, config, step) for name in names]


class _TensorBoard:
    def __init__(self, folder: Path, config: Mapping[str, Any], step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        for name, value in values.items():
            self._board.add_scalar(name, value, step)

    def flush(self) -> None:
        self._board.flush()

    def close(self) -> None:
        self._board.close()


class _Wandb:
    """Whether it speaks to a server, and to which, is said by W&B's own variables."""

    def __init__(self, folder: Path, config: Mapping[str, Any], step: int) -> None:
        wandb = importlib.import_module("wandb")
        name = folder.name.removesuffix(".run")
        kept = folder / "wandb.id"
        identifier = _kept(kept, step)
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "k3m-kg"),
            name=name,
            id=identifier,
            resume="allow" if identifier else None,
            dir=str(folder),
            config=dict(config),
        )
        write_text(kept, f"{self._run.id}\n", ArtifactError, named=False)

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        self._run.log(dict(values), step=step)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self._run.finish()


class _Mlflow:
    """Where it writes is said by MLflow's own variables; without any, beside the run's logs."""

    def __init__(self, folder: Path, config: Mapping[str, Any], step: int) -> None:
        mlflow = importlib.import_module("mlflow")
        if "MLFLOW_TRACKING_URI" not in os.environ:
            mlflow.set_tracking_uri(f"sqlite:///{(folder / 'mlflow.db').resolve()}")
        if "MLFLOW_EXPERIMENT_NAME" not in os.environ:
            mlflow.set_experiment("k3m-kg")
        kept = folder / "mlflow.id"
        identifier = _kept(kept, step)
        name = folder.name.removesuffix(".run")
        self._mlflow = mlflow
        run = mlflow.start_run(run_id=identifier, run_name=None if identifier else name)
        write_text(kept, f"{run.info.run_id}\n", ArtifactError, named=False)
        if not identifier:
            mlflow.log_params(dict(_flat(config)))

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        named = {name.replace("@", " at "): value for name, value in values.items()}
        self._mlflow.log_metrics(named, step=step)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self._mlflow.end_run()


_KINDS: dict[str, Callable[[Path, Mapping[str, Any], int], ScalarLogger]] = {
    "tensorboard": _TensorBoard,
    "wandb": _Wandb,
    "mlflow": _Mlflow,
}


def _kept(path: Path, step: int) -> str | None:
    """How the service calls the run that goes on; None for one that begins."""
    if not step or not path.exists():
        return None
    return path.read_text(encoding="utf-8").strip() or None


def _flat(config: Mapping[str, Any], path: str = "") -> Iterable[tuple[str, str]]:
    for key, value in config.items():
        name = f"{path}.{key}" if path else str(key)
        if isinstance(value, Mapping):
            yield from _flat(value, name)
        else:
            yield name, str(value)[:_LONGEST_PARAMETER]
