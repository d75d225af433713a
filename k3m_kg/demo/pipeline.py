"""The whole way, through the same layers that the commands use: files to report."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from k3m_kg.demo.generator import Mess, generate, read_truth
from k3m_kg.demo.measure import measure
from k3m_kg.demo.queue import fill_queue
from k3m_kg.demo.report import write_report
from k3m_kg.demo.run import DemoRun
from k3m_kg.demo.training import Watch, demo_config, train_all
from k3m_kg.errors import UsageError
from k3m_kg.files import write_errors, write_text
from k3m_kg.graph.store import GraphStore
from k3m_kg.ingest.options import IngestOptions
from k3m_kg.ingest.pipeline import ingest
from k3m_kg.ingest.quarantine import Quarantine
from k3m_kg.snapshot import Snapshot, SnapshotSettings, build_snapshot

MARKER = "demo.json"
EPOCHS = 11


def run_demo(
    folder: Path, *, products: int, seed: int, epochs: int | None, watch: Watch
) -> dict[str, Any]:
    """Generate, ingest, cut, train twice, measure, report; everything is left in `folder`.

    Returns:
        `report`, `serve` (the command that shows the graph), `to_review` (how many proposals wait
        there), `seconds`, and the accuracy of everybody by property.

    Raises:
        UsageError: `folder` holds something that is not an earlier demo's.
    """
    _clear(folder)
    mess = Mess()
    seconds: dict[str, float] = {}
    with _stage("catalog", seconds) as name:
        done = iter(range(1, products + 1))
        catalog = generate(
            folder / "catalog", products, seed, mess, lambda: watch(name, next(done), products, "")
        )
    run = DemoRun(folder, products, seed, mess, catalog, seconds)
    run.truths = read_truth(catalog.truth)
    with _stage("ingest", seconds) as name:
        run.counts = _ingest(run, watch, name)
    with _stage("snapshot", seconds):
        run.snapshot = _cut(run, watch)
    with _stage("training", seconds):
        _train(run, epochs or EPOCHS, watch)
    with _stage("questions", seconds) as name:
        answers = measure(
            run.k3m, run.plain, run.truths, mess, lambda done, total: watch(name, done, total, "")
        )
    with _stage("proposals", seconds) as name:
        waiting = fill_queue(run, watch, name)
    with _stage("report", seconds) as name:
        watch(name, 0, 1, "")
        report = write_report(run, answers)
        watch(name, 1, 1, "")
    who = sorted({who for who, condition in answers.right if condition == "all"})
    return {
        "report": str(report),
        "serve": f"k3m-kg serve --db sqlite:///{folder / 'graph.db'} --model {run.k3m}",
        "to_review": waiting,
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "accuracy": {name: answers.per_property(name) for name in who},
    }


def _clear(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise UsageError("is not a folder", where=str(folder))
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARKER).exists():
            raise UsageError(
                "holds something else than an earlier demo",
                where=str(folder),
                hint="name a new folder with --out",
            )
        shutil.rmtree(folder)
    with write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / MARKER, json.dumps({"made_by": "k3m-kg demo"}) + "\n", named=False)


@contextmanager
def _stage(name: str, seconds: dict[str, float]) -> Iterator[str]:
    start = time.monotonic()
    yield name
    seconds[name] = time.monotonic() - start


def _ingest(run: DemoRun, watch: Watch, name: str) -> dict[str, Any]:
    options = IngestOptions("csv", run.catalog.mapping, run.catalog.images)
    store, _ = GraphStore.create(f"sqlite:///{run.folder / 'graph.db'}")
    with store, Quarantine(run.folder / "quarantine.jsonl") as rejected:
        report = ingest(
            store,
            [run.catalog.catalog],
            options,
            quarantine=rejected,
            on_progress=lambda now: watch(name, min(now.line, run.products), run.products, ""),
        )[0]
    return asdict(report.counts)


def _cut(run: DemoRun, watch: Watch) -> Snapshot:
    # The ceiling knows no category: it follows from the product type.
    settings = SnapshotSettings(
        validation=0.1, test=0.15, holdout=0, seed=run.seed, image_size=96, category=False
    )

    def progress(stage: str, done: int, total: int | None) -> None:
        if total:
            watch(f"snapshot: {stage}", done, total, "")

    with GraphStore.open(f"sqlite:///{run.folder / 'graph.db'}") as store:
        return build_snapshot(store, run.folder / "snapshots", settings, progress=progress).snapshot


def _train(run: DemoRun, epochs: int, watch: Watch) -> None:
    assert run.snapshot is not None
    models = run.folder / "models"
    run.k3m, run.plain = models / "k3m", models / "without-knowledge"
    configs = {
        name: demo_config(
            run.snapshot.path, output, seed=run.seed, epochs=epochs, knowledge=knowledge
        )
        for name, output, knowledge in (
            ("K3M", run.k3m, True),
            ("without knowledge", run.plain, False),
        )
    }
    train_all(configs, watch)
