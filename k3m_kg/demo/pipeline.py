"""The whole way, through the same layers that the commands use: files to report."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from k3m_kg.config import RunConfig, validate_settings
from k3m_kg.demo.generator import DemoCatalog, Mess, Truth, generate, read_truth
from k3m_kg.demo.world import PROPERTIES
from k3m_kg.errors import UsageError
from k3m_kg.graph.store import GraphStore
from k3m_kg.ingest.pipeline import IngestOptions, ingest
from k3m_kg.ingest.quarantine import Quarantine
from k3m_kg.snapshot import Snapshot, SnapshotSettings, build_snapshot

MARKER = "demo.json"
EPOCHS = 10


class Watch(Protocol):
    """Follows the demo: the command line draws its progress bars with one."""

    def __call__(self, stage: str, done: int, total: int, info: str = "") -> None:
        """`stage` has done this much."""


@dataclass(slots=True)
class DemoRun:
    """What the demo made on its way, for the report.

    Attributes:
        folder: where everything is.
        mess: the known shares of missing and wrong parts.
        catalog: the generated files.
        counts: of the ingest.
        truths: what is true of each product; only the report looks.
        snapshot: the cut that both models learned from.
        k3m, plain: the artifacts, with knowledge and without.
        seconds: how long each stage took, in order.
    """

    folder: Path
    products: int
    seed: int
    mess: Mess
    catalog: DemoCatalog
    seconds: dict[str, float] = field(default_factory=dict)
    counts: dict[str, Any] = field(default_factory=dict)
    truths: dict[str, Truth] = field(default_factory=dict)
    snapshot: Snapshot | None = None
    k3m: Path = Path()
    plain: Path = Path()


def run_demo(
    folder: Path, *, products: int, seed: int, epochs: int | None, watch: Watch
) -> dict[str, Any]:
    """Generate, ingest, cut, train twice, measure, report; everything is left in `folder`.

    Returns:
        `report`, `seconds`, and the accuracy of everybody by property.

    Raises:
        UsageError: `folder` holds something that is not an earlier demo's.
    """
    _clear(folder)
    mess = Mess()
    seconds: dict[str, float] = {}
    with _stage("catalog", seconds) as name:
        done = iter(range(1, products + 1))
        catalog = generate(
            folder / "catalog", products, seed, mess, lambda: watch(name, next(done), products)
        )
    run = DemoRun(folder, products, seed, mess, catalog, seconds)
    run.truths = read_truth(catalog.truth)
    with _stage("ingest", seconds) as name:
        run.counts = _ingest(run, watch, name)
    with _stage("snapshot", seconds):
        run.snapshot = _cut(run, watch)
    for knowledge in (True, False):
        with _stage("K3M" if knowledge else "without knowledge", seconds) as name:
            path = _train(run, knowledge, epochs or EPOCHS, watch, name)
        if knowledge:
            run.k3m = path
        else:
            run.plain = path

    from k3m_kg.demo.measure import measure
    from k3m_kg.demo.report import write_report

    with _stage("questions", seconds) as name:
        answers = measure(
            run.k3m, run.plain, run.truths, mess, lambda done, total: watch(name, done, total)
        )
    with _stage("report", seconds) as name:
        watch(name, 0, 1)
        report = write_report(run, answers)
        watch(name, 1, 1)
    who = sorted({who for who, condition in answers.right if condition == "all"})
    return {
        "report": str(report),
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
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).write_text(json.dumps({"made_by": "k3m-kg demo"}) + "\n", encoding="utf-8")


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
            on_progress=lambda now: watch(name, min(now.line, run.products), run.products),
        )[0]
    return asdict(report.counts)


def _cut(run: DemoRun, watch: Watch) -> Snapshot:
    settings = SnapshotSettings(validation=0.1, test=0.2, holdout=0, seed=run.seed, image_size=96)

    def progress(stage: str, done: int, total: int | None) -> None:
        watch(f"snapshot: {stage}", done, total or done)

    with GraphStore.open(f"sqlite:///{run.folder / 'graph.db'}") as store:
        return build_snapshot(store, run.folder / "snapshots", settings, progress=progress).snapshot


def demo_config(
    snapshot: Path, output: Path, *, seed: int, epochs: int, knowledge: bool
) -> RunConfig:
    """A K3M small enough for two cores and four minutes.

    Without knowledge it is the same model with the same tasks, but no triple is ever shown to it,
    neither in training nor when it is asked.
    """
    never = {} if knowledge else dict.fromkeys(PROPERTIES, 0.0)
    data = {
        "snapshot": snapshot,
        "output": output,
        "image_encoder": {
            "name": "patch-vit",
            "size": 64,
            "patch": 16,
            "channels": [32, 64, 96],
            "codebook": 32,
            "colours": 32,
            "shift": 4,
        },
        "text_encoder": {"name": "bert-wordpiece", "vocab_size": 1200, "layers": 1},
        "fusion": {"name": "hard-spl", "gates": "linear"},
        "tasks": [
            {"name": "mlm", "weight": 0.1, "products": 0.4},
            {"name": "mom", "weight": 0.1, "products": 0.4},
            {
                "name": "lpm",
                "scorer": {"name": "transe", "settings": {"p": 2, "power_norm": True}},
                "loss": "cross-entropy",
                "scale": 0.13,
                "questions": "leave-one-out",
                "cut_title": 0.9,
                "keep_title": 0.1,
                "shown": never,
            },
        ],
        "model": {
            "hidden": 96,
            "knowledge": "term",
            "pool": "modalities",
            "max_title_tokens": 16,
            "max_term_tokens": 3,
            "interactor": {"layers": 1},
        },
        "training": {
            "epochs": epochs,
            "batch_size": 16,
            "learning_rate": 2e-3,
            "weight_decay": 0.05,
            "warmup": 0.08,
            "schedule": "cosine",
            "ema": 0.98,
            "seed": seed,
        },
        "validation": {"hide": list(never)},
    }
    return validate_settings(RunConfig, data, "the demo's config")


def _train(run: DemoRun, knowledge: bool, epochs: int, watch: Watch, name: str) -> Path:
    from k3m_kg.training.pretrain import pretrain

    output = run.folder / "models" / ("k3m" if knowledge else "without-knowledge")
    assert run.snapshot is not None
    config = demo_config(
        run.snapshot.path, output, seed=run.seed, epochs=epochs, knowledge=knowledge
    )
    return pretrain(config, observer=_Observer(watch, name))


class _Observer:
    """A training run as stages of the demo."""

    def __init__(self, watch: Watch, name: str) -> None:
        self._watch = watch
        self._name = name
        self._rate = 0.0
        self._accuracy = ""

    def stage(self, name: str, done: int, total: int) -> None:
        self._watch(f"{self._name}: {name}", done, total)

    def step(self, step: int, total: int, losses: dict[str, float], rate: float) -> None:
        self._rate = 0.95 * (self._rate or rate) + 0.05 * rate
        self._watch(self._name, step, total, f"{self._rate:.0f} products/s{self._accuracy}")

    def epoch(self, epoch: int, validation: dict[str, Any]) -> None:
        right = validation["metrics"]["macro_hits@1"]
        self._accuracy = f", validation accuracy {right:.1%}"
