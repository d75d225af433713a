"""One seed of a benchmark: a training that goes on where it was left, and what it is worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from k3m_kg.bench.graphs import read_graph, write_features, write_graph
from k3m_kg.bench.pairs import Pairs, read_pairs
from k3m_kg.bench.registry import METRICS
from k3m_kg.bench.values import lines_of, read_questions
from k3m_kg.config import RunConfig, load_config, validate_settings
from k3m_kg.errors import K3MError
from k3m_kg.files import write_text
from k3m_kg.graph.store import GraphStore
from k3m_kg.ingest.options import IngestOptions
from k3m_kg.ingest.pipeline import ingest
from k3m_kg.ingest.quarantine import Quarantine
from k3m_kg.kge.layout import MANIFEST as KGE_MANIFEST
from k3m_kg.kge.settings import KgeConfig
from k3m_kg.manifests import read_json
from k3m_kg.plugin.hookspecs import EvaluationPlugin
from k3m_kg.plugin.registry import registry
from k3m_kg.snapshot import Snapshot, SnapshotSettings, build_snapshot
from k3m_kg.training.artifact.layout import MANIFEST
from k3m_kg.training.recipe import Shape, recipe
from k3m_kg.training.run.checkpoint import Checkpoints
from k3m_kg.training.run.folder import CHECKPOINTS, run_folder

Watch = Callable[[str, int, int, str], None]
"""`watch(stage, done, total, info)`."""

_GRAPH: dict[str, Any] = {
    "model": "complex",
    "dimension": 100,
    "inverse_relations": True,
    "loss": "cross-entropy",
    "negatives": {"sampler": "uniform", "count": 4096, "shared": 500},
}
_GRAPH_TRAINING: dict[str, Any] = {
    "epochs": 40,
    "batch_size": 1000,
    "learning_rate": 0.1,
    "optimizer": "adagrad",
    "l3": 0.15,
    "validate_every": 4,
    "patience": 4,
}


@dataclass(frozen=True, slots=True)
class Options:
    """How a benchmark is run.

    Attributes:
        data: the folder with its published files.
        out: the folder for all that is made of them.
        epochs: passes over train; None: what the config says.
        minutes: budget of each training of a K3M model; None: none.
        features: of entities, a `.npy` file.
        overrides: `key=value`, of the config of the training.
    """

    data: Path
    out: Path
    epochs: int | None = None
    minutes: float | None = None
    features: Path | None = None
    overrides: tuple[str, ...] = ()


class GraphRunner:
    """Link prediction on a graph: ComplEx with N3 (Lacroix et al. 2018), or what `--set` says."""

    def __init__(self, options: Options, watch: Watch) -> None:
        self.options, self.watch = options, watch
        graph = read_graph(options.data)
        write_graph(graph, options.out / "data")
        self.features: Path | None = None
        if options.features is not None:
            self.features = options.out / "features.parquet"
            write_features(options.features, graph, self.features)
        self.notes, self.leaks = list(graph.notes), dict(graph.repeated())

    def run(self, seed: int) -> dict[str, Any]:
        """Metrics of one seed."""
        from k3m_kg.kge.training import train

        config = self.config(seed)
        if not (config.output / KGE_MANIFEST).exists():
            begun = run_folder(config.output) / "checkpoint" / "progress.json"
            train(config, resume=begun.exists(), observer=_OfGraph(f"seed {seed}", self.watch))
        report = read_json(config.output / "metrics.json")["test"]
        leaking = report["leakage"]
        self.leaks |= {"given_away": leaking["triples"], "of": report["triples"]}
        return {
            "metrics": report["metrics"],
            "without_leaks": leaking["metrics_without"],
            "left_out": report["unknown"],
        }

    def config(self, seed: int) -> KgeConfig:
        """Of one seed."""
        training = _GRAPH_TRAINING | {"seed": seed}
        if self.options.epochs is not None:
            training["epochs"] = self.options.epochs
        data: dict[str, Any] = _GRAPH | {
            "triples": {"folder": str((self.options.out / "data").resolve())},
            "output": str(self.options.out / f"seed-{seed}"),
            "training": training,
        }
        if self.features is not None:
            data["features"] = {"path": str(self.features.resolve())}
        path = _written(self.options.out / f"seed-{seed}.yaml", data)
        return load_config(KgeConfig, path, list(self.options.overrides))


class _OfGraph:
    def __init__(self, name: str, watch: Watch) -> None:
        self.name, self.watch, self.mrr = name, watch, ""

    def step(self, done: int, total: int, loss: float, rate: float) -> None:
        """A training step ended."""
        self.watch(self.name, done, total, f"loss {loss:.4f}{self.mrr}")

    def validation(self, epoch: int, metrics: dict[str, float]) -> None:
        """An epoch was validated."""
        self.mrr = f", validation MRR {metrics['mrr']:.4f}"


class _OnProducts:
    """What trains K3M on a catalog that is made of published files."""

    snapshot: Snapshot

    def __init__(self, options: Options, watch: Watch) -> None:
        self.options, self.watch = options, watch
        self.notes: list[str] = []
        self.leaks: dict[str, Any] = {}

    def _cut(self, lines: str, split: dict[str, str], images: Sequence[Path]) -> Snapshot:
        """A snapshot of products with a given split; the one that is there, if it is."""
        out = self.options.out
        catalog, snapshots = out / "catalog.jsonl", out / "snapshots"
        if (snapshots / "latest").exists():
            return Snapshot.open(snapshots)
        write_text(catalog, lines)
        table = "id,split\n" + "".join(f"{_cell(name)},{side}\n" for name, side in split.items())
        write_text(out / "split.csv", table)
        (out / "graph.db").unlink(missing_ok=True)  # of a run that was cut short
        store, _ = GraphStore.create(f"sqlite:///{out / 'graph.db'}")
        settings = SnapshotSettings(split_file=out / "split.csv", holdout=0, category=False)
        with store, Quarantine(out / "quarantine.jsonl") as rejected:
            where = IngestOptions("jsonl", _mapping(out), images[0] if images else None)
            ingest(store, [catalog], where, quarantine=rejected)

            def progress(stage: str, done: int, total: int | None) -> None:
                if total:
                    self.watch(f"snapshot: {stage}", done, total, "")

            return build_snapshot(store, snapshots, settings, progress=progress).snapshot

    def _train(self, snapshot: Snapshot, seed: int, changes: dict[str, Any]) -> Path:
        from k3m_kg.training.pretrain import pretrain

        config = self.config(snapshot, seed, changes)
        if not (config.output / MANIFEST).exists():
            begun = Checkpoints(run_folder(config.output) / CHECKPOINTS, 1).newest() is not None
            pretrain(config, resume=begun, observer=_OfProducts(f"seed {seed}", self.watch))
        return config.output

    def _evaluated(
        self, task: str, settings: dict[str, Any], artifact: Path, seed: int, *, ranks: bool = True
    ) -> dict[str, Any]:
        """The report of a downstream task on the test split."""
        from k3m_kg.evaluation.running import build_evaluation, run_evaluation
        from k3m_kg.use.open_model import open_model

        opened = open_model(artifact, self.snapshot.path, ranks=ranks)
        record = registry().get(EvaluationPlugin, task)
        asked = validate_settings(record.config, settings, task)
        evaluation = build_evaluation(task, asked, "test")

        def progress(stage: str, done: int, total: int | None) -> None:
            if total:
                self.watch(f"seed {seed}: {stage}", done, total, "")

        return run_evaluation(task, evaluation, opened, "test", progress)

    def config(self, snapshot: Snapshot, seed: int, changes: dict[str, Any]) -> RunConfig:
        """That which `pretrain` chooses for such a catalog, of one seed."""

        def installed(kind: str, name: str) -> bool:
            return not registry().find(kind, name).lacks

        out = self.options.out / f"seed-{seed}"
        found = recipe(
            Shape.of(snapshot),
            installed,
            snapshot=snapshot.path.resolve(),
            output=out,
            minutes=self.options.minutes,
            seed=seed,
        )
        data = found.settings | changes
        if self.options.epochs is not None:
            data["training"] = data["training"] | {"epochs": self.options.epochs}
        path = _written(out.with_name(f"{out.name}.yaml"), data)
        return load_config(RunConfig, path, list(self.options.overrides))


class PairsRunner(_OnProducts):
    """Which records are the same product: the downstream task `alignment`, with its competitors."""

    def __init__(self, options: Options, watch: Watch) -> None:
        super().__init__(options, watch)
        pairs = read_pairs(options.data)
        self.leaks = dict(pairs.shared())
        self.pairs = options.out / "pairs.csv"
        write_text(self.pairs, _pair_lines(pairs), K3MError)
        self.snapshot = self._cut(_records(pairs), _sides(pairs), ())

    def run(self, seed: int) -> dict[str, Any]:
        """Metrics of one seed."""
        artifact = self._train(self.snapshot, seed, {})
        settings = {"pairs": str(self.pairs), "words": True}
        report = self._evaluated("alignment", settings, artifact, seed, ranks=False)
        names = METRICS["pairs"]
        return {
            "metrics": {name: report["metrics"][name] for name in names},
            "competitors": {
                called: {name: figures[name] for name in names}
                for called, figures in report["baselines"].items()
            },
        }


class ValuesRunner(_OnProducts):
    """Values of products that their texts do not say."""

    def __init__(self, options: Options, watch: Watch) -> None:
        super().__init__(options, watch)
        questions = read_questions(options.data)
        self.notes = questions.notes
        folders = questions.images
        root = folders[:1] if len(folders) < 2 else [options.data]
        self.snapshot = self._cut(lines_of(questions), questions.split, root)

    def run(self, seed: int) -> dict[str, Any]:
        """Metrics of one seed."""
        artifact = self._train(self.snapshot, seed, {})
        report = self._evaluated("link-prediction", {"quantities": False}, artifact, seed)
        metrics = report["metrics"]
        self.leaks |= report.get("leakage", {}).get("shares", {})
        competitors = {
            name: {"micro_f1": figures["hits@1"]}
            for name, figures in report.get("baselines", {}).items()
            if "hits@1" in figures
        }
        # one answer for each question: micro-F1 is the share that is right
        return {"metrics": metrics | {"micro_f1": metrics["hits@1"]}, "competitors": competitors}


class _OfProducts:
    def __init__(self, name: str, watch: Watch) -> None:
        self.name, self.watch = name, watch

    def stage(self, name: str, done: int, total: int) -> None:
        """Preparation went on."""
        self.watch(f"{self.name}: {name}", done, total, "")

    def noted(self, text: str) -> None:
        """What was left out, in words."""

    def planned(self, steps: int, epochs: float, seconds: float) -> None:
        """How long it takes is known."""

    def step(self, step: int, total: int, losses: dict[str, float], rate: float) -> None:
        """A training step ended."""
        self.watch(self.name, step, total, f"{rate:.0f} products/s")

    def speed(self, found: dict[str, float]) -> None:
        """How fast it goes."""

    def epoch(self, epoch: int, validation: dict[str, Any]) -> None:
        """An epoch was validated."""


def _pair_lines(pairs: Pairs) -> str:
    """Both ids, the label and the split of each pair, as alignment reads them."""
    lines = [
        f"{left},{right},{int(same)},{split}\n"
        for split in pairs.left
        for left, right, same in zip(
            pairs.left[split].tolist(),
            pairs.right[split].tolist(),
            pairs.same[split].tolist(),
            strict=True,
        )
    ]
    return "".join(lines)


def _records(pairs: Pairs) -> str:
    """The records as JSON Lines, called 0, 1, ..."""
    import json

    lines = []
    for place, record in enumerate(pairs.records):
        title = pairs.title(place)
        others = {name: [value] for name, value in record if value != title}
        entry = {"id": str(place), "title": title, "attributes": others}
        lines.append(json.dumps(entry, ensure_ascii=False) + "\n")
    return "".join(lines)


def _sides(pairs: Pairs) -> dict[str, str]:
    """Each record's split: the first of train, validation and test that it is compared in."""
    found: dict[str, str] = {}
    for split, side in (("train", "train"), ("valid", "validation"), ("test", "test")):
        for places in (pairs.left[split], pairs.right[split]):
            for place in places.tolist():
                found.setdefault(str(place), side)
    for place in range(len(pairs.records)):  # in no pair: nothing is asked of it
        found.setdefault(str(place), "train")
    return found


def _mapping(out: Path) -> Path:
    path = out / "mapping.yaml"
    return _written(
        path,
        {
            "id": "id",
            "title": "title",
            "category": "category",
            "image": "image",
            "properties": "*",
            "unprefixed": ["attributes"],
            "optional": ["title", "category", "image"],
        },
    )


def _cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _written(path: Path, data: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, yaml.safe_dump(data, sort_keys=False, allow_unicode=True), K3MError)
    return path
