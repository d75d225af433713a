"""The smallest grid of `k3m-kg robustness` on the fashion catalog: within the hour on two cores.

    python -m benchmarks robustness_grid --work runs/robustness

Reads the folder `fashion` of K3M_KG_DATA (default ../shared/data), or the snapshot that
`fashion_k3m` made of it in `--fashion`. One training of each model, from frozen features, and 1,000
test products. What is in `--work` is kept, and another call goes on.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from benchmarks._command_line import k3m_kg
from benchmarks.fashion_k3m import ROOT, prepare


def main() -> None:
    parser = argparse.ArgumentParser(description="The smallest robustness grid, on fashion.")
    parser.add_argument("--work", type=Path, default=Path("runs/robustness"))
    parser.add_argument("--fashion", type=Path, default=Path("runs/fashion"))
    parser.add_argument("--target", default="articleType")
    parser.add_argument("--models", default="k3m,vilbert,vilbert-pkg,vl-bert-pkg,linear,boosting")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--products", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=60)
    options = parser.parse_args()
    data = Path(os.environ.get("K3M_KG_DATA", ROOT.parent / "shared" / "data"))
    fashion = options.fashion.resolve()
    threads = os.cpu_count() or 1
    prepare(fashion, data, threads)
    report = k3m_kg(
        "robustness",
        fashion / "snapshots",
        *("--out", options.work.resolve()),
        *("--models", options.models),
        *("--tasks", f"classification:{options.target},link-prediction"),
        *("--seeds", options.seeds),
        *("--products", options.products),
        *("--epochs", options.epochs),
        *("--minutes", options.minutes),
        threads=threads,
    )
    verdicts = report["verdicts"]
    print(", ".join(f"{name} {count}" for name, count in verdicts.items()))
    print(f"{report['cells_missing']} cells missing; {report['files'][-1]}")


if __name__ == "__main__":
    main()
