"""Runs a grid: in this process or in several, whatever was done before."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import multiprocessing.connection
import os
import queue
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from k3m_kg.config import validate_settings
from k3m_kg.errors import ArtifactError, K3MError, UsageError, unknown_name
from k3m_kg.files import whole_file
from k3m_kg.manifests import read_json, write_json
from k3m_kg.robustness.settings import GridMark, GridPaths, GridSettings
from k3m_kg.robustness.units import GridJob, GridUnit, Told, do_unit, evaluation_of, units_of
from k3m_kg.snapshot import CATEGORY, Snapshot
from k3m_kg.training.presets import changed
from k3m_kg.training.run.folder import held

_PATIENCE_SECONDS = 0.5


class OutOfTimeError(Exception):
    """The budget is spent: what is whole stays."""


class Clock:
    """How much of a grid is done, and how long the rest takes.

    Args:
        job: the grid.
        minutes: a budget; None: as long as it takes.
        now: tells seconds.
    """

    def __init__(
        self,
        job: GridJob,
        minutes: float | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now, self._start = now, now()
        self._minutes = minutes
        self._left = {unit: len(job.waiting(unit)) for unit in units_of(job.settings)}
        self._training = {
            unit: unit.model not in job.settings.simple
            and not job.paths.artifact(unit.model, unit.seed).exists()
            for unit in self._left
        }
        self._since: dict[GridUnit, float] = {}
        self._trained: list[float] = []
        self._asked: list[float] = []
        self.workers = 1

    def told(self, told: Told) -> None:
        """Something went on.

        Raises:
            OutOfTimeError: the budget is spent.
        """
        now = self._now()
        begun = self._since.setdefault(told.unit, now)
        if told.stage == "train" and told.done == told.total:
            self._trained.append(now - begun)
            self._training[told.unit], self._since[told.unit] = False, now
        elif told.cell:
            self._asked.append(now - begun)
            self._left[told.unit] = max(0, self._left[told.unit] - 1)
            self._since[told.unit] = now
        if self.is_over:
            raise OutOfTimeError

    @property
    def is_over(self) -> bool:
        """Whether the budget is spent."""
        return self._minutes is not None and self._now() - self._start > 60 * self._minutes

    @property
    def cells_left(self) -> int:
        """Cells that are to be asked."""
        return sum(self._left.values())

    @property
    def seconds_left(self) -> float | None:
        """As it went so far; None while nothing is known."""
        if not self._asked or (any(self._training.values()) and not self._trained):
            return None
        train = sum(self._trained) / len(self._trained) if self._trained else 0.0
        ask = sum(self._asked) / len(self._asked)
        return (train * sum(self._training.values()) + ask * self.cells_left) / self.workers


def prepared(
    snapshot: Snapshot,
    config: dict[str, Any],
    settings: GridSettings,
    folder: Path,
    *,
    fresh: bool = False,
    workers: int = 1,
    device: str = "auto",
) -> GridJob:
    """The job, once its folder is known to be of this grid.

    Args:
        snapshot: all models are trained on it.
        config: as a config file holds it; models are changes of it.
        settings: which cells.
        folder: what was done is there, and what will be.
        fresh: what an earlier call left there is removed.
        workers: processes at a time.
        device: as of `evaluate`.

    Raises:
        UsageError: the folder holds cells of another snapshot or config, or something else.
        ConfigError: a model cannot be made of the config.
    """
    known = (*snapshot.properties, CATEGORY)
    for task in settings.tasks:
        evaluation_of(task)
        target = task.partition(":")[2]
        if target and target not in known:
            raise UsageError(unknown_name("property", target, known), where=f"--tasks {task}")
    configs = {name: changed(config, name) for name in settings.presets}
    mark = GridMark(
        snapshot=snapshot.id,
        config=_hash(_apart(config)),
        products=settings.products,
        corrupt_seed=settings.corrupt_seed,
        models={name: _hash(_apart(found)) for name, found in configs.items()},
    )
    paths = GridPaths(folder)
    _begin(paths, mark, fresh)
    threads = torch.get_num_threads()  # as OMP_NUM_THREADS says, where it does
    job = GridJob(
        snapshot.path, folder, settings, configs, max(1, threads // max(1, workers)), device
    )
    for unit in units_of(settings):
        if unit.model in settings.presets:
            job.config(unit)
    return job


def run_grid(
    job: GridJob, watch: Callable[[Told, Clock], None], *, workers: int, clock: Clock
) -> bool:
    """Do all that is not done.

    Returns:
        Whether all is done; not where the time was over before.

    Raises:
        K3MError: what cannot be; what was done before stays.
    """
    clock.workers = workers

    def tell(told: Told) -> None:
        watch(told, clock)
        clock.told(told)

    try:
        with held(job.folder):
            if workers == 1:
                for unit in units_of(job.settings):
                    do_unit(job, unit, tell)
            else:
                _in_processes(job, workers, tell, clock)
    except OutOfTimeError:
        return False
    return True


def is_begun(folder: Path) -> bool:
    """Whether a grid lies there.

    Raises:
        UsageError: something else does.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError("is not a folder", where=str(folder))
    if not folder.exists() or not any(folder.iterdir()):
        return False
    if not GridPaths(folder).mark.exists():
        raise UsageError(
            "holds something else than a grid",
            where=str(folder),
            hint="name a new folder with --out",
        )
    return True


def _begin(paths: GridPaths, mark: GridMark, fresh: bool) -> None:
    """Let the folder be of this grid.

    Raises:
        UsageError: it is of another, or something else lies there.
    """
    if is_begun(paths.folder):
        before = _mark_of(paths)
        what = _differs(before, mark)
        if fresh:
            shutil.rmtree(paths.folder)
        elif what:
            raise UsageError(
                f"holds a grid of another {what}",
                where=str(paths.folder),
                hint="--fresh begins anew there; or name another folder with --out",
            )
        else:
            mark = mark.model_copy(update={"models": before.models | mark.models})
    paths.folder.mkdir(parents=True, exist_ok=True)
    with whole_file(paths.mark) as staging:
        write_json(staging, mark.model_dump())


def _mark_of(paths: GridPaths) -> GridMark:
    try:
        return validate_settings(GridMark, read_json(paths.mark), str(paths.mark))
    except ArtifactError as error:
        raise UsageError(error.message, where=error.where) from None


def _differs(before: GridMark, now: GridMark) -> str | None:
    for key in ("snapshot", "config", "products", "corrupt_seed"):
        if getattr(before, key) != getattr(now, key):
            return {"products": "number of products", "corrupt_seed": "corruption seed"}.get(
                key, key
            )
    for name in before.models.keys() & now.models.keys():
        if before.models[name] != now.models[name]:
            return f"model {name}"
    return None


def _apart(config: dict[str, Any]) -> dict[str, Any]:
    """A config without where things lie and how many threads there are."""
    kept = {key: value for key, value in config.items() if key not in ("snapshot", "output")}
    training = dict(kept.get("training", {}))
    for key in ("seed", "threads", "device"):
        training.pop(key, None)
    return kept | {"training": training}


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def _in_processes(job: GridJob, workers: int, tell: Callable[[Told], None], clock: Clock) -> None:
    """A process for each unit, so many at a time; what the simple models read comes first."""
    context = multiprocessing.get_context("spawn")
    messages: Any = context.Queue()
    waiting = units_of(job.settings)
    going: dict[GridUnit, Any] = {}
    first = GridUnit(job.settings.champion)
    done: set[GridUnit] = set()
    try:
        while waiting or going:
            for unit in list(waiting):
                ready = unit.model not in job.settings.simple or first in done
                if ready and len(going) < workers:
                    process = context.Process(target=_work, args=(job, unit, messages), daemon=True)
                    process.start()
                    going[unit] = process
                    waiting.remove(unit)
            try:
                unit, message = messages.get(timeout=_PATIENCE_SECONDS)
            except queue.Empty:
                if clock.is_over:
                    raise OutOfTimeError from None
                for unit, process in going.items():
                    if process.exitcode is not None and messages.empty():
                        raise K3MError(
                            f"its process ended with code {process.exitcode}", where=str(unit)
                        ) from None
                continue
            if message is None:
                going.pop(unit).join()
                done.add(unit)
            elif isinstance(message, Exception):
                raise message
            else:
                tell(message)
    finally:
        for process in going.values():
            process.terminate()
        for process in going.values():
            process.join()


def _work(job: GridJob, unit: GridUnit, messages: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, which ends this
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        do_unit(job, unit, lambda told: messages.put((unit, told)))
        messages.put((unit, None))
    except K3MError as error:
        messages.put((unit, error))


def _end_with_parent() -> None:
    """A parent that was killed leaves nobody behind."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)
