"""Product matching on Amazon-Google (Magellan's pairs, Ditto's split): F1 on the test pairs.

    python -m benchmarks amazon_google --modes probe words cross --work runs/amazon-google

Reads the folder `amazon-google` of K3M_KG_DATA (default ../shared/data). Everything goes through
the command line that users have: ingest, snapshot, pretrain (MiniLM's frozen weights, where the
package is installed), evaluate. What is already in `--work` is kept. Ditto (Li et al. 2020) reports
75.6.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from benchmarks._command_line import k3m_kg

ROOT = Path(__file__).resolve().parent.parent
DITTO = 75.6
SETTINGS = {
    "probe": ("mode=probe",),
    "words": ("mode=probe", "words=true"),
    "cross": ("mode=cross", "keep=3", "epochs=3"),
}


def prepare(work: Path, data: Path, epochs: int, threads: int) -> Path:
    """The trained artifact."""
    artifact = work / "model"
    if (artifact / "artifact.json").exists():
        return artifact
    work.mkdir(parents=True, exist_ok=True)
    database = f"sqlite:///{work / 'pairs.db'}"
    sources = [data / f"{name}.txt" for name in ("train", "valid", "test")]
    k3m_kg("ingest", *sources, "--db", database, threads=threads)
    k3m_kg("snapshot", "--db", database, work / "snapshots", threads=threads)
    options = ("--output", artifact, "--set", f"training.epochs={epochs}")
    k3m_kg("pretrain", work / "snapshots", *options, threads=threads)
    return artifact


def measure(artifact: Path, data: Path, mode: str, threads: int) -> dict[str, Any]:
    """The report of one way of telling pairs apart."""
    settings = [part for text in SETTINGS[mode] for part in ("--set", text)]
    options = ("--task", "alignment", "--set", f"pairs={data}", *settings)
    report: dict[str, Any] = k3m_kg("evaluate", artifact, *options, threads=threads)
    return report


def table(reports: dict[str, dict[str, Any]]) -> str:
    rows = ["| | F1 | 95 % | precision | recall | average precision |", "|---|---|---|---|---|---|"]
    first = next(iter(reports.values()))
    lines = {name: (row, None) for name, row in first["baselines"].items()}
    lines |= {
        f"K3M, {mode}": (report["metrics"], report["intervals"]["f1"])
        for mode, report in reports.items()
    }
    for name, (row, interval) in lines.items():
        between = "" if interval is None else f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f}"
        cells = [f"{100 * row[key]:.1f}" for key in ("precision", "recall", "average_precision")]
        rows.append(f"| {name} | {100 * row['f1']:.1f} | {between} | {' | '.join(cells)} |")
    return "\n".join([*rows, f"| Ditto, as published | {DITTO} | | | | |"])


def main() -> None:
    parser = argparse.ArgumentParser(description="Product matching on Amazon-Google.")
    parser.add_argument("--modes", nargs="+", choices=list(SETTINGS), default=["probe", "words"])
    parser.add_argument("--epochs", type=int, default=4, help="of pretraining")
    parser.add_argument("--work", type=Path, default=Path("runs/amazon-google"))
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    shared = Path(os.environ.get("K3M_KG_DATA", ROOT.parent / "shared" / "data"))
    data, work = shared / "amazon-google", options.work.resolve()
    artifact = prepare(work, data, options.epochs, options.threads)
    reports = {}
    for mode in options.modes:
        reports[mode] = measure(artifact, data, mode, options.threads)
        (work / f"{mode}.json").write_text(json.dumps(reports[mode], indent=1))
    print(table(reports))


if __name__ == "__main__":
    main()
