"""Runs a grid: in this process or in several, whatever was done before."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from k3m_kg.errors import K3MError
from k3m_kg.robustness.base import check_targets
from k3m_kg.robustness.clock import Clock
from k3m_kg.robustness.folder import begin, hash_of, mark_of
from k3m_kg.robustness.settings import GridPaths, GridSettings
from k3m_kg.robustness.units import GridJob, GridUnit, Told, do_unit, evaluation_of, units_of
from k3m_kg.snapshot import Snapshot
from k3m_kg.training.presets import changed
from k3m_kg.training.run.folder import held

_PATIENCE_SECONDS = 0.5


class OutOfTimeError(Exception):
    """The budget is spent: what is whole stays."""


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
    for task in settings.tasks:
        evaluation_of(task)
    check_targets(settings.tasks, snapshot)
    configs = {name: changed(config, name) for name in settings.presets}
    models = {name: hash_of(found) for name, found in configs.items()}
    mark = mark_of(snapshot, config, settings).model_copy(update={"models": models})
    begin(GridPaths(folder), mark, fresh=fresh)
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
        KeyboardInterrupt: Ctrl-C, or the signal TERM; likewise.
    """
    clock.workers = workers

    def tell(told: Told) -> None:
        clock.told(told)
        watch(told, clock)
        if clock.is_over and not told.tick:
            raise OutOfTimeError

    try:
        with _terminated_as_interrupted(), held(job.folder):
            if workers == 1:
                for unit in units_of(job.settings):
                    do_unit(job, unit, tell)
            else:
                _in_processes(job, workers, tell, clock)
    except OutOfTimeError:
        return False
    return True


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM ends a grid as Ctrl-C does: processes are ended, what they share is taken back."""
    if threading.current_thread() is not threading.main_thread():  # there nobody may set it
        yield
        return

    def interrupt(*_: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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
        messages.close()


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
