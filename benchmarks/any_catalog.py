"""Any catalog, from its file to the table of simple models and K3M, by the commands of a user.

    python -m benchmarks any_catalog products.jsonl --images images --minutes 15 --seeds 0 1 2
    python -m benchmarks any_catalog shared/data/{zigbee,pcparts}/products.jsonl --work runs/any

Each FILE is a catalog of its own. Ingest, snapshot, pretraining of each seed and each evaluation
are commands, with the settings that nobody has to name; what is in `--work` is not done again.
Asked of the test products: their category, where the catalog has one, and every property; as they
are, without title, without picture. Shown is what training shows (the asked value's words cut out
of the title). Figures in %: of categories the accuracy, of properties the mean of Hits@1 over
them; mean and standard deviation over the seeds. All answer the same questions on the same inputs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks._command_line import k3m_kg

SHOWN = {"everything": (), "no title": ("--hide-title",), "no picture": ("--hide-image",)}
K3M = "**K3M**"
_FIGURE = {"category": "accuracy", "properties": "macro_hits@1"}
_DASH = "-"


@dataclass(frozen=True)
class Catalog:
    """A catalog's file, what `ingest` and `snapshot` are told besides, and where its results go."""

    file: Path
    mapping: Path | None
    images: Path | None
    split_file: Path | None
    folder: Path

    @property
    def name(self) -> str:
        """As tables call it."""
        return self.folder.name


def catalogs(options: argparse.Namespace) -> list[Catalog]:
    """One per file, named by its folder where the file's own name says nothing."""
    found: dict[str, Catalog] = {}
    for file in options.files:
        file = file.resolve()
        if not file.is_file():
            raise SystemExit(f"{file}: no such file")
        name = file.parent.name if file.stem in ("products", "catalog", "styles") else file.stem
        if name in found:
            raise SystemExit(f"two catalogs would be called {name}: run them one by one")
        beside = file.parent / "images"
        images = options.images or (beside if beside.is_dir() else None)
        found[name] = Catalog(
            file, options.mapping, images, options.split_file, options.work.resolve() / name
        )
    return list(found.values())


class Bench:
    """One catalog's graph, snapshot, models and reports, kept in its folder."""

    def __init__(self, catalog: Catalog, minutes: float, threads: int) -> None:
        self.catalog, self.minutes, self.threads = catalog, minutes, threads
        self.folder = catalog.folder
        self.snapshots = self.folder / "snapshots"

    def _kept(self, name: str, *command: object) -> Any:
        """The JSON of a command, or that of when it was run before."""
        path = self.folder / name
        if not path.exists():
            shown = " ".join(map(str, command))
            print(f"{self.catalog.name}: k3m-kg {shown}", file=sys.stderr, flush=True)
            report = k3m_kg(*command, threads=self.threads)
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            part.write_text(json.dumps(report), "utf-8")
            part.replace(path)
        return json.loads(path.read_text("utf-8"))

    def prepare(self) -> dict[str, Any]:
        """The graph and its snapshot; what `snapshot` counts, and how many `categories`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        catalog, db = self.catalog, ("--db", f"sqlite:///{self.folder / 'graph.db'}")
        rejected = self.folder / "quarantine.jsonl"
        given = (("--mapping", catalog.mapping), ("--images", catalog.images))
        options = [part for pair in given if pair[1] is not None for part in pair]
        self._kept("ingest.json", "ingest", catalog.file, *db, *options, "--quarantine", rejected)
        quality = self._kept("status.json", "status", *db)
        split = ("--split-file", catalog.split_file) if catalog.split_file else ()
        cut = self._kept("snapshot.json", "snapshot", self.snapshots, *db, *split)
        return cut | {"categories": quality["category_count"]}

    def seed(self, seed: int, counts: dict[str, Any]) -> dict[str, Any]:
        """Train and evaluate one seed.

        Returns:
            `seconds` of training; `reports`: what is asked and what is shown -> a report.
        """
        output = self.folder / f"seed-{seed}"
        if not (output / "artifact.json").exists():
            self._pretrain(output, seed)
        reports = {}
        for shown, hidden in SHOWN.items():
            if shown == "no picture" and not counts["images"]:
                continue
            for asked in _FIGURE:
                if asked == "category" and counts["categories"] < 2:
                    continue
                reports[f"{asked}, {shown}"] = self._kept(
                    f"{output.name}.reports/{asked}, {shown}.json",
                    "evaluate",
                    output,
                    *_task(asked, calibrate=shown == "everything"),
                    *hidden,
                )
        seconds = json.loads((output / "metrics.json").read_text("utf-8"))["seconds"]
        return {"seconds": seconds, "reports": reports}

    def _pretrain(self, output: Path, seed: int) -> None:
        """With no config: `pretrain` chooses, and keeps to the budget."""
        begun = output.with_name(f"{output.name}.run") / "checkpoint"
        k3m_kg(
            "pretrain",
            self.snapshots,
            *("--output", output, "--minutes", self.minutes),
            *("--set", f"training.seed={seed}"),
            *(["--resume"] if begun.exists() else []),
            threads=self.threads,
        )


def _task(asked: str, *, calibrate: bool) -> list[str]:
    if asked == "category":
        return ["--task", "classification", "--target", "category"]
    return ["--task", "link-prediction", "--no-leakage", *["--calibrate"] * calibrate]


def spread(values: list[float]) -> str:
    """Mean and standard deviation, in %."""
    mean = f"{100 * statistics.mean(values):.1f}"
    return f"{mean} ± {100 * statistics.stdev(values):.1f}" if len(values) > 1 else mean


def figures(asked: str, reports: list[dict[str, Any]]) -> dict[str, list[float]]:
    """By who answered, the figure of each seed."""
    key = _FIGURE[asked]
    found = {name: [r["baselines"][name][key] for r in reports] for name in reports[0]["baselines"]}
    return found | {K3M: [report["metrics"][key] for report in reports]}


def table(results: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """The Markdown table of all catalogs, then what each is calibrated to, then the verdicts."""
    rows = []
    for catalog, seeds in results.items():
        took = [one["seconds"] for one in seeds]
        for question in seeds[0]["reports"]:
            asked, shown = question.split(", ")
            found = figures(asked, [one["reports"][question] for one in seeds])
            rows.append((catalog, asked, shown, found, f"{statistics.mean(took):.0f} s"))
    order = ["majority", "words", "attributes", "features"]
    names = {name for *_, found, _ in rows for name in found} - {K3M, "all"}
    columns = [n for n in order if n in names] + sorted(names - set(order)) + ["all", K3M]
    head = ["catalog", "asked", "shown", *columns, "training"]
    yield f"| {' | '.join(head)} |"
    yield "|---|---|---|" + "---:|" * (len(columns) + 1)
    for catalog, asked, shown, found, took in rows:
        cells = [spread(found[name]) if name in found else _DASH for name in columns]
        yield f"| {' | '.join([catalog, asked, shown, *cells, took])} |"
    yield "\n| catalog | expected calibration error on test, before | after |\n|---|---:|---:|"
    for catalog, seeds in results.items():
        reports = [one["reports"]["properties, everything"] for one in seeds]
        checks = [report["calibration"]["splits"]["test"] for report in reports]
        cells = [spread([check[key]["ece"] for check in checks]) for key in ("before", "after")]
        yield f"| {catalog} | {' | '.join(cells)} |"
    yield ""
    for catalog, seeds in results.items():
        for question in seeds[0]["reports"]:
            verdicts = [one["reports"][question]["verdict"] for one in seeds]
            yield f"- {catalog}, {question}: {_said(verdicts)}"


def _said(verdicts: list[dict[str, Any]]) -> str:
    """The verdicts of all seeds in one line."""
    counts = Counter(verdict["outcome"] for verdict in verdicts)
    outcomes = " and ".join(
        name if len(counts) == 1 else f"{name} in {count} of {len(verdicts)}"
        for name, count in counts.items()
    )
    against = " or ".join(dict.fromkeys(verdict["against"] for verdict in verdicts))
    differences = [verdict["model"] - verdict["competitor"] for verdict in verdicts]
    low, high = (100 * statistics.mean(v[key] for v in verdicts) for key in ("low", "high"))
    return (
        f"{outcomes}, beside {against}: {100 * statistics.mean(differences):+.1f}, 95 % interval "
        f"{low:+.1f} to {high:+.1f}{' (means over the seeds)' * (len(verdicts) > 1)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Any catalog: simple models and K3M.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="each is a catalog")
    parser.add_argument("--mapping", type=Path, help="of the file, where its format needs one")
    parser.add_argument("--images", type=Path, help="default: the folder images beside FILE")
    parser.add_argument("--split-file", type=Path, help="default: a grouped split")
    parser.add_argument("--minutes", type=float, default=15.0, help="budget of each training")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--work", type=Path, default=Path("runs/any"))
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if len(options.files) > 1 and (options.mapping or options.images or options.split_file):
        raise SystemExit("--mapping, --images and --split-file are of one FILE")
    results: dict[str, list[dict[str, Any]]] = {}
    for catalog in catalogs(options):
        bench = Bench(catalog, options.minutes, options.threads)
        try:
            counts = bench.prepare()
            for seed in options.seeds:
                found = {"seed": seed} | bench.seed(seed, counts)
                results.setdefault(catalog.name, []).append(found)
        except subprocess.CalledProcessError as error:  # it has said why; the others go on
            print(f"{catalog.name}: exit code {error.returncode}", file=sys.stderr, flush=True)
        (options.work / "results.json").write_text(json.dumps(results, indent=1), "utf-8")
    if results:
        lines = "\n".join(table(results))
        (options.work / "results.md").write_text(lines + "\n", "utf-8")
        print(lines)
    if len(results) < len(options.files):
        sys.exit(1)


if __name__ == "__main__":
    main()
