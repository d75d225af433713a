"""`python -m benchmarks [NAME]`: list the benchmarks, or run the one named."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

QUICK = ("structure_backends", "training_throughput")
"""What runs without real data and within a minute or two."""


def main() -> None:
    folder = Path(__file__).parent
    names = sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))
    if len(sys.argv) > 1:
        name = sys.argv[1]
        if name in ("-h", "--help"):
            print(f"{__doc__}\n\nThere are: {', '.join(names)}. NAME --help tells more of one.")
            return
        if name not in names:
            sys.exit(f"no benchmark {name!r}; there are: {', '.join(names)}")
        sys.argv = sys.argv[1:]
        runpy.run_module(f"benchmarks.{name}", run_name="__main__")
        return
    for name in QUICK:
        print(f"== {name}", flush=True)
        runpy.run_module(f"benchmarks.{name}", run_name="__main__")
    others = [name for name in names if name not in QUICK]
    print(f"also, on real catalogs: {', '.join(f'python -m benchmarks {n}' for n in others)}")


if __name__ == "__main__":
    main()
