"""A grid runs once for each cell, whatever stops it, and is what its parts are."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from k3m_kg.corruption import corrupt, corruption_of
from k3m_kg.errors import K3MError, UsageError
from k3m_kg.evaluation.running import run_evaluation
from k3m_kg.robustness.cells import read_cell
from k3m_kg.robustness.clock import Clock, TimeLeft
from k3m_kg.robustness.page import write_results
from k3m_kg.robustness.results import results_of
from k3m_kg.robustness.running import prepared, run_grid
from k3m_kg.robustness.settings import GridSettings
from k3m_kg.robustness.tables import measures_of
from k3m_kg.robustness.units import GridJob, GridUnit, Told, evaluation_of, units_of
from k3m_kg.snapshot import Snapshot
from k3m_kg.use.open_model import open_model
from tests.robustness.tiny import TASKS, tiny_config, tiny_settings, tiny_snapshot


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return tiny_snapshot(tmp_path_factory.mktemp("shop"))


def job_of(snapshot: Snapshot, folder: Path, settings: GridSettings, **more: bool) -> GridJob:
    return prepared(snapshot, tiny_config(snapshot.path), settings, folder, device="cpu", **more)


def killed_after(snapshot: Path, folder: Path, cells: int) -> None:
    """A process that ends itself, as nobody can catch it, when so many cells are whole."""
    torch.set_num_threads(1)
    job = job_of(Snapshot.open(snapshot), folder, tiny_settings())
    asked = 0

    def watch(told: Told, clock: Clock) -> None:
        nonlocal asked
        asked += told.cell
        if asked == cells:
            os.kill(os.getpid(), signal.SIGKILL)

    run_grid(job, watch, workers=1, clock=Clock(job))


@pytest.fixture(scope="module")
def done(
    snapshot: Snapshot, tmp_path_factory: pytest.TempPathFactory
) -> tuple[GridJob, list[Told]]:
    """A grid of which a killed process had asked five cells, done by another."""
    folder = tmp_path_factory.mktemp("grid") / "grid"
    process = multiprocessing.get_context("spawn").Process(
        target=killed_after, args=(snapshot.path, folder, 5)
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    job = job_of(snapshot, folder, tiny_settings())
    told: list[Told] = []
    assert run_grid(job, lambda one, clock: told.append(one), workers=1, clock=Clock(job))
    return job, told


def test_what_was_whole_when_it_was_killed_is_not_asked_again(
    done: tuple[GridJob, list[Told]],
) -> None:
    job, told = done
    asked = sum(one.cell for one in told)
    per_model = len(TASKS) * (1 + len(job.settings.corruptions))
    assert asked == len(units_of(job.settings)) * per_model - 5
    assert {one.unit.model for one in told if one.stage == "train"} == {"vilbert"}
    assert not any(job.waiting(unit) for unit in units_of(job.settings))
    assert not list(job.folder.rglob(".k3m-kg-*"))


def test_a_share_between_is_what_asking_it_would_give(
    done: tuple[GridJob, list[Told]], snapshot: Snapshot
) -> None:
    job, _ = done
    found = results_of(job, snapshot)
    opened = open_model(job.paths.artifact("k3m", 0), snapshot.path, device="cpu")
    for task in TASKS:
        for name in ("TMR", "MNR"):
            view = opened.on(corrupt(snapshot, [corruption_of(f"{name}:0.5")]))
            evaluation = evaluation_of(task)
            kind = task.partition(":")[0]
            report = run_evaluation(kind, evaluation, view, "test", lambda *told: None)
            (row,) = (
                row
                for row in found.rows
                if (row.task, row.corruption, row.ratio, row.model) == (task, name, 0.5, "k3m")
            )
            assert row.mean == pytest.approx(report["metrics"][evaluation.measure], abs=1e-12)


def test_results_say_who_is_ahead_of_whom_and_by_how_much(
    done: tuple[GridJob, list[Told]], snapshot: Snapshot
) -> None:
    job, _ = done
    found = results_of(job, snapshot)
    cells = 1 + 2 * len(job.settings.corruptions)
    assert len(found.rows) == len(TASKS) * len(job.settings.models) * cells
    assert found.missing == 0
    assert sum(found.verdicts().values()) == len(TASKS) * cells
    for row in found.rows:
        assert row.low <= row.mean <= row.high
        if row.model == "k3m":
            others = [
                other
                for other in found.rows
                if (other.task, other.corruption, other.ratio)
                == (row.task, row.corruption, row.ratio)
                and other.model != "k3m"
            ]
            assert row.against in {other.model for other in others}
            best = max(other.mean for other in others)
            assert row.difference == pytest.approx(row.mean - best)
            assert row.difference_low is not None
            assert (row.outcome == "ahead") == (row.difference_low > 0)
    clean = {(row.task, row.model): row.mean for row in found.rows if row.corruption == "clean"}
    for row in found.rows:
        if row.corruption == "clean":
            assert row.fall is None
            continue
        assert row.fall == pytest.approx(clean[row.task, row.model] - row.mean)
        assert row.fall_low is not None
        assert row.fall_high is not None
        assert row.fall_low <= row.fall <= row.fall_high
    pairs = [(one.task, one.corruption, one.against) for one in found.falls]
    others = job.settings.models[1:]
    assert pairs == [(t, c, o) for t in TASKS for c in job.settings.corruptions for o in others]
    for one in found.falls:
        assert (one.ratio, one.model, one.outcome is None) == (1.0, "k3m", False)
    assert all(asked.questions and asked.majority for asked in found.asked.values())
    trained = [row for row in found.rows if row.model != "linear"]
    assert all(row.parameters for row in trained)


def test_more_of_the_same_goes_on_and_another_config_is_refused(
    done: tuple[GridJob, list[Told]], snapshot: Snapshot
) -> None:
    job, _ = done
    more = job_of(snapshot, job.folder, tiny_settings(corruptions=("TMR", "MNR", "KNR")))
    assert [cell[1] for cell in more.waiting(GridUnit("k3m"))] == ["KNR"] * len(TASKS)
    for settings, config, what in (
        (tiny_settings(products=3), tiny_config(snapshot.path), "number of products"),
        (tiny_settings(corrupt_seed=1), tiny_config(snapshot.path), "corruption seed"),
        (tiny_settings(), tiny_config(snapshot.path) | {"fusion": "mean"}, "config"),
    ):
        with pytest.raises(UsageError, match=what):
            prepared(snapshot, config, settings, job.folder)
    with pytest.raises(UsageError, match="something else"):
        job_of(snapshot, snapshot.path, tiny_settings())


def test_a_damaged_cell_is_said_and_may_go(
    done: tuple[GridJob, list[Told]], snapshot: Snapshot
) -> None:
    job, _ = done
    path = job.paths.cell(TASKS[0], "linear", 0, "TMR", 1.0)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(K3MError, match="damaged"):
        results_of(job, snapshot)
    path.unlink()
    assert results_of(job, snapshot).waiting == {"linear": 1}  # the share between follows
    assert [cell[1:] for cell in job.waiting(GridUnit("linear"))] == [("TMR", 1.0)]
    path.write_bytes(whole)
    assert read_cell(path) is not None


def test_the_signal_term_ends_a_grid_as_ctrl_c_does(
    snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def terminated(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("k3m_kg.robustness.running.do_unit", terminated)
    job = job_of(snapshot, tmp_path / "grid", tiny_settings(models=("k3m",)))
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        run_grid(job, lambda *told: None, workers=1, clock=Clock(job))
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_budget_ends_between_cells(
    snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_of(snapshot, tmp_path / "grid", tiny_settings(models=("k3m",)))
    now, told = 0.0, list[bool]()

    def go_on(job: GridJob, unit: GridUnit, tell: Callable[[Told], None]) -> None:
        nonlocal now
        now = 130.0
        tell(Told(unit, TASKS[0], 0, 1, tick=True))
        tell(Told(unit, TASKS[0], 1, 1, cell=True))

    monkeypatch.setattr("k3m_kg.robustness.running.do_unit", go_on)
    clock = Clock(job, minutes=2, now=lambda: now)
    assert not run_grid(job, lambda one, _: told.append(one.cell), workers=1, clock=clock)
    assert told == [False, True]


def test_trainings_and_cells_are_told_apart_in_the_time_left(
    snapshot: Snapshot, tmp_path: Path
) -> None:
    settings = tiny_settings(models=("k3m", "vilbert"), tasks=TASKS[:1])
    job = job_of(snapshot, tmp_path / "grid", settings)
    now = 0.0
    clock = Clock(job, now=lambda: now)
    one, two = GridUnit("k3m"), GridUnit("vilbert")

    def at(seconds: float, told: Told) -> None:
        nonlocal now
        now = seconds
        clock.told(told)

    at(0, Told(one, "image", 1, 1))
    assert clock.left is None
    at(10, Told(one, "train", 1, 10))
    assert clock.left is None
    at(20, Told(one, "train", 2, 10))  # 10 s each: 80 s left of this one, 110 s of the next
    assert clock.left == TimeLeft(80 + 110, at_least=True)
    now = 25.0
    assert clock.left == TimeLeft(75 + 110, at_least=True)
    at(100, Told(one, "train", 10, 10))
    assert clock.left == TimeLeft(100, at_least=True)
    at(130, Told(one, TASKS[0], 1, 1, cell=True))
    assert clock.cells_left == 5
    assert clock.left == TimeLeft(5 * 30 + 100, at_least=False)
    now = 140.0  # while nothing is told, it gets less all the same
    assert clock.left == TimeLeft(5 * 30 + 100 - 10, at_least=False)
    at(160, Told(one, TASKS[0], 1, 1, cell=True))
    at(190, Told(one, TASKS[0], 1, 1, cell=True))
    at(200, Told(two, "image", 1, 1))
    now = 250.0
    assert clock.left == TimeLeft(3 * 30 + 50, at_least=False)
    clock.workers = 2  # one unit is not done by two
    assert clock.left == TimeLeft(3 * 30 + 50, at_least=False)


def test_a_third_training_waits_for_one_of_two_processes(
    snapshot: Snapshot, tmp_path: Path
) -> None:
    settings = tiny_settings(models=("k3m", "vilbert", "lxmert"), tasks=TASKS[:1])
    job = job_of(snapshot, tmp_path / "grid", settings)
    now = 0.0
    clock = Clock(job, now=lambda: now)
    clock.workers = 2
    for seconds, done in ((0.0, 1), (10.0, 2)):
        for model in ("k3m", "vilbert"):
            now = seconds
            clock.told(Told(GridUnit(model), "train", done, 10))
    assert clock.left == TimeLeft(80 + 100, at_least=True)  # not (80 + 80 + 100) / 2


def test_all_measures_of_a_task_stand_on_the_page(
    snapshot: Snapshot, done: tuple[GridJob, list[Told]]
) -> None:
    job, _ = done
    results = results_of(job, snapshot)
    head, body = measures_of(results, "link-prediction")
    assert head == ["corruption", "model", "macro_hits@1", "hits@1", "hits@3", "hits@10", "mrr"]
    states = [(state, model) for state, model, *_ in body]
    assert states == [(s, m) for s in ("clean", "TMR", "MNR") for m in job.settings.models]
    by_model = {model: cells for state, model, *cells in body if state == "TMR"}
    row = next(
        row
        for row in results.of("link-prediction", "TMR")
        if row.ratio == 1 and row.model == "vilbert"
    )
    assert by_model["vilbert"][-1].rstrip("*") == f"{100 * row.metrics['mrr']:.1f}"
    assert all(any(cells[place].endswith("*") for cells in by_model.values()) for place in range(5))
    write_results(results, job.paths, {})
    page = job.paths.page.read_text("utf-8")
    assert "All measures" in page
    assert "Fall from clean" in page
    assert "(the best other), clean to 100 %: " in page
    assert "questions were asked about" in page
    assert "trained once" in page
    assert (job.paths.plots / "link-prediction-bars.png").read_bytes().startswith(b"\x89PNG")
