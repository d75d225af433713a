"""Memory and time of cutting a snapshot, by the number of products; no database in between.

    python -m benchmarks snapshot_scale --products 500000 5000000

The products of `generated_catalog` go straight into the builder, as a store would give them. Each
size runs in a process of its own. Beside it: the same stream read and thrown away, which is the
limit that the builder cannot pass.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks._figures import add_out, tell
from benchmarks.generated_catalog import PROPERTIES, piece
from k3m_kg.graph.stored import StoredProduct
from k3m_kg.records import ValueRecord

_PIECE = 20_000


class Generated:
    """A graph of some products, one after another."""

    def __init__(self, products: int) -> None:
        self.products = products

    def iter_subjects(self) -> Iterator[StoredProduct | ValueRecord]:
        """All products, ascending by id."""
        for start in range(0, self.products, _PIECE):
            columns = piece(start, min(_PIECE, self.products - start), 0)
            values = zip(*(columns[name] for name in PROPERTIES), strict=True)
            for id_, title, row in zip(columns["id"], columns["title"], values, strict=True):
                yield StoredProduct(id_, title, None, tuple(zip(PROPERTIES, row, strict=True)), ())


def measure(products: int, work: Path) -> dict[str, Any]:
    """Cut a snapshot of so many products."""
    from k3m_kg.snapshot import build_snapshot

    started = time.perf_counter()
    for _ in itertools.islice(Generated(products).iter_subjects(), 200_000):
        pass
    read = (time.perf_counter() - started) / min(products, 200_000) * products
    base = _peak_mib()
    peaks: dict[str, float] = {}

    def progress(stage: str, done: int, total: int | None) -> None:
        peaks[stage] = _peak_mib()

    started = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=work) as folder:
        built = build_snapshot(Generated(products), Path(folder), progress=progress)  # type: ignore[arg-type]
        seconds = time.perf_counter() - started
        size = sum(file.stat().st_size for file in built.snapshot.path.iterdir())
        return {
            "products": products,
            "triples": built.snapshot.manifest["counts"]["triples"],
            "seconds": seconds,
            "stream_s": read,
            "before_mib": base,
            "peak_mib": _peak_mib(),
            "peak_after_stage_mib": peaks,
            "disk_mib": size / 2**20,
        }


def _peak_mib() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description="Memory of cutting a snapshot.")
    parser.add_argument("--products", type=int, nargs="+", default=[100_000, 500_000])
    parser.add_argument("--work", type=Path, default=Path("runs"))
    add_out(parser)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    if len(options.products) == 1:
        tell(measure(options.products[0], options.work), options.out)
        return
    for products in options.products:  # a process for each: a peak is of a process
        words = [*sys.argv[1:], "--products", str(products)]  # the last one counts
        subprocess.run([sys.executable, "-m", "benchmarks", "snapshot_scale", *words], check=True)


if __name__ == "__main__":
    main()
