"""Link prediction on products: K3M against TransE, RotatE, ComplEx and the commonest value.

    python -m benchmarks link_prediction --catalogs fashion magento --seeds 0 1 2

Reads the folders `fashion` and `magento-luma` of K3M_KG_DATA (default ../shared/data). What is
already in `--work` is kept, and an interrupted training goes on. All models answer the same
questions by the evaluator of `k3m-kg evaluate`: tails, among the values that the property takes in
training, filtered, realistic ranks, means over properties. Asked are triples held out of training
products ("known"), and all triples of the test products ("unseen"), for which an embedding model
has the mean vector of the products that it knows. "Title cut": without the words of the asked
value; nothing else is hidden. "Without leaks" leaves out what the title spells, what a training
product with the same title or picture has, and what follows from another triple.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks._command_line import k3m_kg
from k3m_kg.batches.split_questions import questions_of
from k3m_kg.evaluation.leaks import find_leaks, leakage_report
from k3m_kg.evaluation.link_prediction import evaluate_link_prediction
from k3m_kg.kge.settings import KgeConfig
from k3m_kg.kge.training import train as train_kge
from k3m_kg.lpm.link_ranks import rank_by_frequency
from k3m_kg.use.open_model import OpenModel, open_model

ROOT = Path(__file__).resolve().parent.parent
MAJORITY = "commonest value"
FEW = 50
"""With fewer questions left, what they say is not shown."""
QUESTIONS = (("train", True), ("train", False), ("test", True), ("test", False))
"""The split, and whether the asked value is cut out of the title."""


def setting(model: dict[str, Any], epochs: int, **training: float) -> dict[str, Any]:
    """A `kge train` config without its paths. Negatives are other values of the same property."""
    return {
        "model": model,
        "dimension": 64,
        "loss": {"name": "cross-entropy"},
        "negatives": {"sampler": "type", "count": 16, "shared": 1},
        "training": {
            "epochs": epochs,
            "batch_size": 512,
            "learning_rate": 0.01,
            "validate_every": epochs,
            "validation_triples": 200,
        }
        | training,
    }


EMBEDDINGS = {
    "TransE": setting({"name": "transe", "p": 2}, epochs=60),
    "RotatE": setting({"name": "rotate"}, epochs=30),
    "ComplEx": setting({"name": "complex"}, epochs=20, l3=0.1),
}


@dataclass(frozen=True)
class Catalog:
    """What is ingested, options of `ingest` and `snapshot`, K3M's config and changes to it."""

    source: str
    ingest: tuple[object, ...]
    cut: tuple[object, ...]
    config: str
    sets: tuple[str, ...] = ()


def catalogs(data: Path) -> dict[str, Catalog]:
    """What can be asked for."""
    return {
        "fashion": Catalog(
            "fashion/styles.csv",
            ("--mapping", ROOT / "examples" / "fashion" / "mapping.yaml"),
            ("--split-file", data / "fashion" / "split.csv"),
            "fashion/quick.yaml",
            ("validation.hide=[]", "validation.properties=[]"),
        ),
        "magento": Catalog(
            "magento-luma/products.csv",
            ("--images", data / "magento-luma" / "images"),
            (),
            "magento/quick.yaml",
        ),
    }


class Bench:
    """One catalog's graph, snapshot, models and reports, all kept in a folder."""

    def __init__(self, name: str, data: Path, work: Path, threads: int) -> None:
        self.catalog = catalogs(data)[name]
        self.data, self.threads = data, threads
        self.folder = work / name
        self.snapshots = self.folder / "snapshots"

    def prepare(self) -> None:
        """Graph and snapshot."""
        if (self.snapshots / "latest").exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        database = ("--db", f"sqlite:///{self.folder / 'graph.db'}")
        source = self.data / self.catalog.source
        k3m_kg("ingest", source, *database, *self.catalog.ingest, threads=self.threads)
        cut = ("--holdout", 0.1, *self.catalog.cut)
        k3m_kg("snapshot", *database, *cut, self.snapshots, threads=self.threads)

    def k3m(self, seed: int) -> Path:
        """K3M of one seed."""
        output = self.folder / f"k3m-{seed}"
        if not (output / "artifact.json").exists():
            paths = (f"snapshot={self.snapshots}", f"output={output}")
            training = (f"training.seed={seed}", f"training.threads={self.threads}")
            sets = (*paths, *training, *self.catalog.sets)
            options = [part for each in sets for part in ("--set", each)]
            begun = (self.folder / f"k3m-{seed}.run" / "checkpoint").exists()
            config = ROOT / "examples" / self.catalog.config
            resume = ["--resume"] if begun else []
            k3m_kg("pretrain", config, *options, *resume, threads=self.threads)
        return output

    def kge(self, name: str, seed: int) -> Path:
        """An embedding model of one seed."""
        output = self.folder / f"{name.lower()}-{seed}"
        if not (output / "kge.json").exists():
            config = KgeConfig(**EMBEDDINGS[name], snapshot=self.snapshots, output=output)
            training = config.training.model_copy(update={"seed": seed, "threads": self.threads})
            begun = (self.folder / f"{output.name}.run" / "checkpoint").exists()
            train_kge(config.model_copy(update={"training": training}), resume=begun)
        return output

    def reports(self, path: Path) -> dict[str, Any]:
        """What `k3m-kg evaluate` says, and the commonest values beside it, by question."""
        file = self.folder / "reports" / f"{path.name}.json"
        if not file.exists():
            opened = open_model(path, self.snapshots)
            sees = "title" in opened.trained.sees
            found = {
                f"{split} {'cut' if cut else 'whole'}": asked(opened, split, cut)
                for split, cut in QUESTIONS
                if cut or sees
            }
            file.parent.mkdir(exist_ok=True)
            file.write_text(json.dumps(found), encoding="utf-8")
        kept: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return kept


def asked(opened: OpenModel, split: str, cut_title: bool) -> dict[str, Any]:
    """The report on one kind of question, with that of the commonest values as MAJORITY."""
    batcher = opened.batcher
    report = evaluate_link_prediction(opened.predictor, batcher, split, cut_title=cut_title).report
    questions, truth, never = questions_of(batcher, split)
    questions = questions[np.lexsort((questions.rows, questions.properties))]
    usual = rank_by_frequency(batcher.catalog, questions, truth)
    leaks = find_leaks(batcher, questions, np.empty(0, np.int64), never)
    return report | {MAJORITY: {"leakage": leakage_report(usual, questions, leaks)}}


def cells(reports: list[dict[str, Any]], left: int) -> str:
    """MRR and Hits@1 of all questions, and of those that are left without leaks."""
    shown = []
    for metrics in (
        [report["leakage"]["with"] for report in reports],
        [report["leakage"]["any"]["without"] for report in reports],
    ):
        shown.append(spread([row["macro_mrr"] for row in metrics], 3))
        shown.append(spread([100 * row["macro_hits@1"] for row in metrics], 1))
    return " | ".join(shown if left >= FEW else [*shown[:2], "-", "-"])


def spread(values: list[float], digits: int) -> str:
    """Mean and standard deviation over seeds."""
    deviation = f" +- {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.{digits}f}{deviation}"


def table(models: dict[str, list[dict[str, Any]]], split: str) -> str:
    """A row per model, of which `models` has the `Bench.reports` of each seed."""
    first = next(iter(models.values()))[0][f"{split} cut"]
    count = first["metrics"]["questions"]
    left = count - first["leakage"]["any"]["questions"]
    lines = [
        f"{count:,} questions on {first['products']:,} products, {left:,} without leaks",
        "",
        "| model | seeds | MRR | Hits@1 | MRR without leaks | Hits@1 without leaks |",
        "|---|---|---|---|---|---|",
        f"| {MAJORITY} | - | {cells([first[MAJORITY]], left)} |",
    ]
    for name, reports in models.items():
        for title in ("cut", "whole"):
            rows = [report[key] for report in reports if (key := f"{split} {title}") in report]
            if rows:
                text = f", title {title}" if f"{split} whole" in reports[0] else ""
                lines.append(f"| {name}{text} | {len(rows)} | {cells(rows, left)} |")
    return "\n".join(lines)


def measure(bench: Bench, seeds: list[int]) -> str:
    """Train what is missing, and both tables of a catalog."""
    bench.prepare()
    models: dict[str, list[dict[str, Any]]] = {
        name: [bench.reports(bench.kge(name, seed)) for seed in seeds] for name in EMBEDDINGS
    }
    models["K3M"] = [bench.reports(bench.k3m(seed)) for seed in seeds]
    return "\n\n".join(
        f"{bench.folder.name}, {text}: {table(models, split)}"
        for split, text in (("train", "known products"), ("test", "unseen products"))
    )


def main() -> None:
    data = Path(os.environ.get("K3M_KG_DATA", ROOT.parent / "shared" / "data"))
    parser = argparse.ArgumentParser(description="K3M against embeddings on link prediction.")
    names = [*catalogs(data)]
    parser.add_argument("--catalogs", nargs="+", choices=names, default=names)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--work", type=Path, default=Path("runs/link-prediction"))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for name in options.catalogs:
        bench = Bench(name, data, options.work.resolve(), options.threads)
        print(measure(bench, options.seeds), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
