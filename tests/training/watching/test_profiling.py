"""Where the time of a training goes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from k3m_kg.cli.app import main
from k3m_kg.config import RunConfig, load_config
from k3m_kg.training.watching.observing import Silent
from k3m_kg.training.watching.profiling import AHEAD, Stopwatch, profile_training


class Clock:
    now = 5.0

    def __call__(self) -> float:
        return self.now


def test_time_is_that_of_the_innermost_part() -> None:
    clock, settled = Clock(), []
    watch = Stopwatch(lambda: settled.append(clock.now), clock)
    with watch.part("outer"):
        clock.now += 1
        with watch.part("inner"):
            assert watch.within("out")
            clock.now += 10
        clock.now += 100
    clock.now += 1000
    with watch.part("inner"):
        clock.now += 20
    assert watch.seconds == {"outer": 101, "inner": 30}
    assert not watch.within("out")
    assert len(settled) == 6  # a device is waited for where a part begins and ends


def test_every_part_of_a_step_is_in_the_table_and_in_the_trace(
    config_file: Callable[..., Path], tmp_path: Path
) -> None:
    config = load_config(RunConfig, config_file(training={"accumulate": 2}))
    trace = tmp_path / "trace.json"
    found = profile_training(config, trace, steps=2, observer=Silent())
    seconds = {part.name: part.seconds for part in found.parts}
    assert seconds.keys() == {
        *("data", "corrupt", "copy", "backward", "optimiser"),
        *("encode title", "encode image", "encode terms", "interactor", "fusion", "structure"),
        *("task mlm", "task mom", "task lpm", "task modality-dropout"),
        "rest of the forward pass",
    }
    assert min(seconds.values()) > 0
    assert list(seconds.values()) == sorted(seconds.values(), reverse=True)
    assert found.step_seconds + found.ahead_seconds == pytest.approx(sum(seconds.values()))
    assert found.products == 8
    names = {event.get("name") for event in json.loads(trace.read_text())["traceEvents"]}
    assert seconds.keys() <= names
    assert AHEAD[0] in names
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "run.run").exists()


def test_the_command_prints_a_table(
    config_file: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = str(config_file())
    arguments = ["profile", config, "--steps", "1", "--trace", str(tmp_path / "t.json")]
    monkeypatch.setattr("sys.argv", ["k3m-kg", *arguments, "--json"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert found["step_seconds"] == pytest.approx(
        sum(part["seconds"] for part in found["parts"]) - found["ahead_seconds"]
    )
    monkeypatch.setattr("sys.argv", ["k3m-kg", "profile", config, "--trace", config])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
