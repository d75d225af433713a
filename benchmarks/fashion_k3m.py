"""K3M on the fashion catalog: link prediction for products unseen in training, several seeds.

    python -m benchmarks fashion_k3m --config full --seeds 0 1 2 --work runs/fashion

Reads the folder `fashion` of K3M_KG_DATA (default ../shared/data). Everything goes through the
command line that users have: ingest, snapshot, pretrain, evaluate. What is already in `--work` is
kept, and an interrupted training goes on. Accuracy (Hits@1 among the property's values) in %, on
the test products of split.csv; "masked": the asked value's words cut out of the title; subCategory
and masterCategory are never shown. Beside it the best of the logistic regressions that
`benchmarks/fashion_baselines.py` and the data's own page give.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks._command_line import k3m_kg

ROOT = Path(__file__).resolve().parent.parent
ASKED = ("baseColour", "articleType", "season", "usage")
SINGLE = {"baseColour": 61.3, "articleType": 76.4, "season": 88.7, "usage": 93.4}
"""Best single modality with masked title (title, image or attributes), of both reproductions."""
ALL_THREE = {"baseColour": 62.0, "articleType": 88.5, "season": 91.3, "usage": 95.3}
"""All three with masked title, the better of both reproductions."""
MAJORITY = {"baseColour": 19.8, "articleType": 16.7, "season": 61.8, "usage": 77.2}
GIVEN_TYPE = {"baseColour": 22.6, "season": 77.1, "usage": 88.6}
TITLE = {"baseColour": 94.6, "articleType": 96.5, "season": 88.7, "usage": 95.4}
"""The title alone, not masked."""


def prepare(work: Path, data: Path, threads: int) -> None:
    if (work / "snapshots" / "latest").exists():
        return
    work.mkdir(parents=True, exist_ok=True)
    database = f"sqlite:///{work / 'fashion.db'}"
    mapping = ROOT / "examples" / "fashion" / "mapping.yaml"
    source = data / "fashion" / "styles.csv"
    k3m_kg("ingest", source, "--mapping", mapping, "--db", database, threads=threads)
    split = data / "fashion" / "split.csv"
    options = ("--db", database, "--split-file", split, "--holdout", 0)
    k3m_kg("snapshot", *options, work / "snapshots", threads=threads)


def one_seed(config: str, seed: int, work: Path, threads: int) -> dict[str, Any]:
    """Train (or take what is there) and evaluate."""
    output = work / f"{config}-{seed}"
    if not (output / "artifact.json").exists():
        started = (work / f"{config}-{seed}.run" / "checkpoint").exists()
        sets = {
            "snapshot": work / "snapshots",
            "output": output,
            "training.seed": seed,
            "training.threads": threads,
        }
        overrides = [part for key, value in sets.items() for part in ("--set", f"{key}={value}")]
        file = ROOT / "examples" / "fashion" / f"{config}.yaml"
        resume = ["--resume"] if started else []
        k3m_kg("pretrain", file, *overrides, *resume, threads=threads)
    asked = [part for name in ASKED for part in ("--property", name)]
    result = {"seconds": json.loads((output / "metrics.json").read_text())["seconds"]}
    for flag, name in (("--cut-title", "masked"), ("--keep-title", "whole")):
        report = k3m_kg("evaluate", output, *asked, flag, threads=threads)
        result[name] = {k: 100 * v["hits@1"] for k, v in report["per_property"].items()}
        result[f"{name} mrr"] = {k: v["mrr"] for k, v in report["per_property"].items()}
    return result


def table(results: list[dict[str, Any]]) -> str:
    def cell(kind: str, name: str) -> str:
        values = [result[kind][name] for result in results]
        spread = f" +- {statistics.stdev(values):.1f}" if len(values) > 1 else ""
        return f"{statistics.mean(values):.1f}{spread}"

    rows = [
        "| asked | majority | majority given articleType | best single modality, masked | "
        "all three, masked | **K3M, masked** | MRR | title alone, whole | **K3M, whole title** |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in ASKED:
        mrr = statistics.mean(result["masked mrr"][name] for result in results)
        rows.append(
            f"| {name} | {MAJORITY[name]} | {GIVEN_TYPE.get(name, '-')} | {SINGLE[name]} | "
            f"{ALL_THREE[name]} | {cell('masked', name)} | {mrr:.3f} | {TITLE[name]} | "
            f"{cell('whole', name)} |"
        )
    seconds = [result["seconds"] for result in results]
    rows.append(f"\ntraining: {', '.join(f'{value:.0f} s' for value in seconds)}")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="K3M on the fashion catalog.")
    parser.add_argument("--config", choices=["quick", "full"], default="full")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--work", type=Path, default=Path("runs/fashion"))
    parser.add_argument("--jobs", type=int, default=1, help="seeds trained at a time")
    parser.add_argument("--threads", type=int, default=2, help="threads of each job")
    options = parser.parse_args()
    data = Path(os.environ.get("K3M_KG_DATA", ROOT.parent / "shared" / "data"))
    work = options.work.resolve()
    prepare(work, data, options.threads)
    with ThreadPoolExecutor(options.jobs) as pool:
        results = list(
            pool.map(lambda s: one_seed(options.config, s, work, options.threads), options.seeds)
        )
    print(table(results))


if __name__ == "__main__":
    main()
