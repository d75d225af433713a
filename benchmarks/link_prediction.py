"""Link prediction on products: K3M against TransE, RotatE and ComplEx, and the commonest value.

    python -m benchmarks link_prediction --catalogs fashion magento --seeds 0 1 2 --work runs/links

Reads the folders `fashion` and `magento-luma` of K3M_KG_DATA (default ../shared/data). Everything
goes through the command line that users have: ingest, snapshot with `--holdout 0.1`, pretrain,
kge train, evaluate. What is already in `--work` is kept, and an interrupted K3M goes on.

The embedding models are tried with four settings each on seed 0; the best on the triples held out
for validation (tails among the values of their property, mean over properties) is trained with all
seeds. All models answer the same questions, by the same evaluator, among the values that the
property takes in training, filtered, realistic ranks:

known   the triples held out for test of products that are in training
unseen  every triple of the test products, of which an embedding model has no vector

"masked" cuts the asked value's words out of the title; nothing else is hidden. `--artifact` adds
K3M artifacts that exist already; where their snapshot holds nothing out, on unseen products only.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
MODELS = ("transe", "rotate", "complex")
CROSS_ENTROPY = {"name": "cross-entropy"}


def setting(
    loss: dict[str, Any], dimension: int, epochs: int, rate: float = 0.01, l3: float = 0.0
) -> dict[str, Any]:
    """A part of a `kge train` config. Negatives are other values of the same property."""
    return {
        "dimension": dimension,
        "loss": loss,
        "negatives": {"sampler": "type", "count": 16, "shared": 1},
        "training": {
            "epochs": epochs,
            "batch_size": 512,
            "learning_rate": rate,
            "l3": l3,
            "validate_every": epochs,  # epochs are chosen with the rest, on tails alone
            "validation_triples": 200,
        },
    }


TRIED: dict[str, list[dict[str, Any]]] = {
    "transe": [
        setting(CROSS_ENTROPY, 64, 60),
        setting(CROSS_ENTROPY, 128, 30),
        setting(CROSS_ENTROPY, 64, 30, rate=0.003),
        setting({"name": "nssa", "margin": 9}, 64, 30),
    ],
    "rotate": [
        setting(CROSS_ENTROPY, 64, 30),
        setting(CROSS_ENTROPY, 32, 30),
        setting(CROSS_ENTROPY, 64, 30, rate=0.003),
        setting({"name": "nssa", "margin": 9}, 64, 30),
    ],
    "complex": [
        setting(CROSS_ENTROPY, 64, 20, l3=0.1),
        setting(CROSS_ENTROPY, 64, 20, l3=0.3),
        setting(CROSS_ENTROPY, 128, 20, l3=0.1),
        setting(CROSS_ENTROPY, 64, 20, rate=0.003, l3=0.1),
    ],
}
SCORERS = {"transe": {"name": "transe", "p": 2}, "rotate": "rotate", "complex": "complex"}


@dataclass(frozen=True)
class Catalog:
    """Where a catalog is and how K3M is trained on it, relative to the data and to examples/."""

    source: str
    ingest: dict[str, Path]
    cut: dict[str, Path]
    config: str
    sets: tuple[str, ...] = ()


def catalogs(data: Path) -> dict[str, Catalog]:
    """What can be asked for."""
    return {
        "fashion": Catalog(
            "fashion/styles.csv",
            {"--mapping": ROOT / "examples" / "fashion" / "mapping.yaml"},
            {"--split-file": data / "fashion" / "split.csv"},
            "fashion/quick.yaml",
            ("validation.hide=[]", "validation.properties=[]"),
        ),
        "magento": Catalog(
            "magento-luma/products.csv",
            {"--images": data / "magento-luma" / "images"},
            {},
            "magento/quick.yaml",
        ),
    }


def k3m_kg(*arguments: object, threads: int) -> Any:
    """Run the command line; its JSON."""
    command = [sys.executable, "-c", "from k3m_kg.cli.app import main; main()"]
    done = subprocess.run(
        [*command, *map(str, arguments), "--json"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": str(threads)},
    )
    return json.loads(done.stdout)


class Bench:
    """One catalog's graph, snapshot, models and reports, all kept in a folder."""

    def __init__(self, name: str, data: Path, work: Path, threads: int) -> None:
        self.catalog = catalogs(data)[name]
        self.data, self.threads = data, threads
        self.folder = work / name
        self.snapshots = self.folder / "snapshots"

    def run(self, *arguments: object) -> Any:
        """The command line with this benchmark's threads."""
        return k3m_kg(*arguments, threads=self.threads)

    def prepare(self) -> None:
        """Graph and snapshot."""
        if (self.snapshots / "latest").exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        db = ("--db", f"sqlite:///{self.folder / 'graph.db'}")
        source = self.data / self.catalog.source
        self.run("ingest", source, *db, *_flat(self.catalog.ingest))
        self.run("snapshot", *db, "--holdout", 0.1, *_flat(self.catalog.cut), self.snapshots)

    def k3m(self, seed: int) -> Path:
        """K3M of one seed."""
        output = self.folder / f"k3m-{seed}"
        if not (output / "artifact.json").exists():
            sets = {
                "snapshot": self.snapshots,
                "output": output,
                "training.seed": seed,
                "training.threads": self.threads,
            }
            overrides = [f"{key}={value}" for key, value in sets.items()]
            options = [p for each in (*overrides, *self.catalog.sets) for p in ("--set", each)]
            begun = (self.folder / f"k3m-{seed}.run" / "checkpoint").exists()
            config = ROOT / "examples" / self.catalog.config
            self.run("pretrain", config, *options, *(["--resume"] if begun else []))
        return output

    def kge(self, model: str, tried: int, seed: int) -> Path:
        """An embedding model by the number of its settings."""
        output = self.folder / f"{model}-{tried}-{seed}"
        if not (output / "kge.json").exists():
            chosen = TRIED[model][tried]
            config = chosen | {
                "snapshot": str(self.snapshots),
                "output": str(output),
                "model": SCORERS[model],
                "training": chosen["training"] | {"seed": seed, "threads": self.threads},
            }
            file = output.with_suffix(".yaml")
            file.write_text(yaml.safe_dump(config), encoding="utf-8")
            begun = output.with_name(f"{output.name}.run").exists()
            self.run("kge", "train", file, *(["--resume"] if begun else []))
        return output

    def choose(self, model: str) -> int:
        """Which settings of a model are best on validation, with seed 0."""

        def worth(tried: int) -> float:
            path = self.kge(model, tried, 0)
            ask = ("kge", "evaluate", path, "--split", "valid", "--typed")
            report = self._kept(path, "valid", lambda: self.run(*ask))
            found: float = report["tail"]["macro_mrr"]
            print(f"{path.name}: validation MRR {found:.4f}", file=sys.stderr, flush=True)
            return found

        return max(range(len(TRIED[model])), key=worth)

    def report(self, path: Path, split: str, title: str, own: bool = True) -> dict[str, Any]:
        """What `evaluate` says; `own` asks about this benchmark's snapshot."""
        snapshot = ("--snapshot", self.snapshots) if own else ()
        ask = ("evaluate", path, "--split", split, f"--{title}-title", "--hide", "", *snapshot)
        found: dict[str, Any] = self._kept(path, f"{split}-{title}", lambda: self.run(*ask))
        return found

    def _kept(self, path: Path, name: str, ask: Callable[[], Any]) -> Any:
        file = self.folder / "reports" / f"{path.name}-{name}.json"
        if not file.exists():
            file.parent.mkdir(exist_ok=True)
            found = ask()
            file.write_text(json.dumps(found), encoding="utf-8")
        return json.loads(file.read_text(encoding="utf-8"))


def _flat(options: dict[str, Path]) -> list[object]:
    return [part for pair in options.items() for part in pair]


Column = list[dict[str, Any]]
"""The reports of one model, one of each seed."""


def cell(rows: list[dict[str, Any] | None], prefix: str = "") -> str:
    """MRR and Hits@1 in %, means over seeds, with the spread of the MRR."""
    known = [row for row in rows if row and row.get(f"{prefix}mrr") is not None]
    if not known:
        return "-"
    mrr = [row[f"{prefix}mrr"] for row in known]
    hits = 100 * statistics.mean(row[f"{prefix}hits@1"] for row in known)
    spread = f" +- {statistics.stdev(mrr):.3f}" if len(mrr) > 1 else ""
    return f"{statistics.mean(mrr):.3f}{spread} ({hits:.1f})"


def table(columns: dict[str, Column]) -> str:
    """A row per property, the means, and the means without what is given away."""
    first = next(iter(columns.values()))[0]
    lines = [
        f"| property | asked | given away | commonest | {' | '.join(columns)} |",
        "|---" * (len(columns) + 4) + "|",
    ]

    def line(name: str, asked: int, given: str, pick: Callable[[dict[str, Any]], Any], key: str):
        baseline = pick(first)
        usual = cell([baseline], f"majority_{key}") if baseline else "-"
        cells = [cell([pick(report) for report in reports], key) for reports in columns.values()]
        lines.append(f"| {name} | {asked:,} | {given} | {usual} | {' | '.join(cells)} |")

    for name, row in first["per_property"].items():
        share = f"{first['leakage']['per_property'][name]['any']:.0%}"
        line(name, row["queries"], share, lambda report, n=name: report["per_property"][n], "")
    leaks, count = first["leakage"], first["metrics"]["queries"]
    share = f"{leaks['any']['share']:.0%}"
    line("**mean over properties**", count, share, lambda report: report["metrics"], "macro_")
    line("all questions", count, share, lambda report: report["metrics"], "")
    for kind, text in (
        ("determined", "mean, not determined by another triple"),
        ("any", "mean, given away by nothing"),
    ):
        asked = count - leaks[kind]["queries"]
        line(text, asked, "", lambda report, k=kind: report["leakage"][k]["without"], "macro_")
    return "\n".join(lines)


def seconds(paths: list[Path]) -> str:
    """Training times."""
    found = [json.loads((path / "metrics.json").read_text())["seconds"] for path in paths]
    return ", ".join(f"{value:.0f}" for value in found)


def measure(bench: Bench, seeds: list[int], others: list[Path]) -> str:
    """Train what is missing, and both tables of a catalog."""
    bench.prepare()
    paths: dict[str, list[Path]] = {}
    for model in MODELS:
        best = bench.choose(model)
        paths[f"{model} {best}"] = [bench.kge(model, best, seed) for seed in seeds]
    paths["K3M"] = [bench.k3m(seed) for seed in seeds]
    parts = []
    for split, text in (("train", "known products"), ("test", "unseen products")):
        columns: dict[str, Column] = {}
        for name, trained in paths.items():
            if name != "K3M":
                columns[name] = [bench.report(path, split, "cut") for path in trained]
        for title, word in (("cut", "masked"), ("keep", "whole title")):
            columns[f"K3M, {word}"] = [bench.report(p, split, title) for p in paths["K3M"]]
            if others and split == "test":
                columns[f"given K3M, {word}"] = [
                    bench.report(path, split, title, own=False) for path in others
                ]
        parts.append(f"### {bench.folder.name}, {text}\n\n{table(columns)}")
    parts.append(
        "training, seconds: " + "; ".join(f"{name} {seconds(p)}" for name, p in paths.items())
    )
    return "\n\n".join(parts)


def main() -> None:
    data = Path(os.environ.get("K3M_KG_DATA", ROOT.parent / "shared" / "data"))
    parser = argparse.ArgumentParser(description="K3M against embeddings on link prediction.")
    parser.add_argument("--catalogs", nargs="+", choices=[*catalogs(data)], default=["fashion"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--work", type=Path, default=Path("runs/links"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--artifact", type=Path, nargs="+", default=[], help="of the one catalog asked for"
    )
    options = parser.parse_args()
    if options.artifact and len(options.catalogs) > 1:
        parser.error("--artifact is for one catalog")
    for name in options.catalogs:
        bench = Bench(name, data, options.work.resolve(), options.threads)
        print(measure(bench, options.seeds, options.artifact), flush=True)
        print()


if __name__ == "__main__":
    main()
