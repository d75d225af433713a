"""Where numbers go besides the file: clients that are there, and ones that are not."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from k3m_kg.errors import ConfigError
from k3m_kg.training.watching import loggers
from k3m_kg.training.watching.loggers import check_loggers, open_loggers

CONFIG = {"training": {"epochs": 3}, "output": "models/x"}


class Client(ModuleType):
    """A client that notes what it is told."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.told: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def note(*arguments: Any, **options: Any) -> Any:
            self.told.append((name, arguments, options))
            run = options.get("id") or options.get("run_id") or "new"
            return SimpleNamespace(
                id=run, log=self.log, finish=self.finish, info=SimpleNamespace(run_id=run)
            )

        return note

    def said(self, name: str) -> list[Any]:
        return [(arguments, options) for told, arguments, options in self.told if told == name]


@pytest.fixture(params=["wandb", "mlflow"])
def client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Client:
    made = Client(request.param)
    monkeypatch.setitem(sys.modules, request.param, made)
    return made


def test_a_run_that_goes_on_is_the_same_run(client: Client, tmp_path: Path) -> None:
    for step in (0, 5):
        (logger,) = open_loggers([client.__name__], tmp_path, CONFIG, step)
        logger.scalars({"validation/hits@1": 0.5}, step + 1)
        logger.flush()
        logger.close()
    if client.__name__ == "wandb":
        begun, resumed = (options for _, options in client.said("init"))
        assert (begun["id"], begun["resume"], begun["config"]) == (None, None, CONFIG)
        assert (resumed["id"], resumed["resume"]) == ("new", "allow")
        assert client.said("log")[1] == (({"validation/hits@1": 0.5},), {"step": 6})
        assert len(client.said("finish")) == 2
    else:
        begun, resumed = (options for _, options in client.said("start_run"))
        assert (begun["run_id"], resumed["run_id"]) == (None, "new")
        assert client.said("log_params") == [
            (({"training.epochs": "3", "output": "models/x"},), {})
        ]
        assert client.said("log_metrics")[1] == (({"validation/hits at 1": 0.5},), {"step": 6})
        assert len(client.said("end_run")) == 2


def test_one_that_is_not_installed_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loggers, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="mlflow is not installed") as error:
        check_loggers(["mlflow"])
    assert "pip install 'mlflow-skinny'" in str(error.value.hint)
