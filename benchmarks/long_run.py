"""Memory and speed of `k3m-kg pretrain` on a generated catalog of any size.

    python -m benchmarks long_run --products 1000000 --steps 400 --work runs

The products of `generated_catalog` (ten triples each) go straight into the snapshot's builder; each
has a picture, one of `--pictures` small files that they share, since a million files of their own
would fill the disk and say no more about memory: a batch reads as many either way. The training
runs in a process of its own, and its resident memory is read every second: `anonymous` is what the
process itself holds, `file` what it has mapped and the system may take back.

`growth_mib` is the anonymous memory over the last tenth of the steps less that after the first
hundred.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks._figures import add_out, tell
from benchmarks.generated_catalog import PROPERTIES, piece
from k3m_kg.graph.stored import StoredImage, StoredProduct

_PIECE = 20_000
_SIDE = 32
_CONFIG = Path(__file__).parent.parent / "examples" / "fashion" / "full.yaml"
_FIRST = 100
Seen = tuple[float, int, float, float]
"""Seconds since the start, steps, MiB that the process holds, MiB of mapped files."""


class WithPictures:
    """A graph of some products that share pictures."""

    def __init__(self, products: int, pictures: int, folder: Path) -> None:
        self.products = products
        self.images = [_picture(folder, number) for number in range(pictures)]

    def iter_subjects(self) -> Iterator[StoredProduct]:
        """All products, ascending by id."""
        for start in range(0, self.products, _PIECE):
            columns = piece(start, min(_PIECE, self.products - start), 0)
            values = zip(*(columns[name] for name in PROPERTIES), strict=True)
            rows = zip(columns["id"], columns["title"], values, strict=True)
            for number, (id_, title, row) in enumerate(rows, start):
                triples = tuple(zip(PROPERTIES, row, strict=True))
                image = (self.images[number % len(self.images)],) if self.images else ()
                yield StoredProduct(id_, title, None, triples, image)


def _picture(folder: Path, number: int) -> StoredImage:
    from PIL import Image

    path = folder / f"{number}.png"
    if not path.exists():
        pixels = np.random.default_rng(number).integers(0, 256, (_SIDE, _SIDE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path, compress_level=0)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return StoredImage(path.name, str(path), digest, _SIDE, _SIDE, None)


def cut(options: argparse.Namespace) -> Path:
    """The folder of snapshots, cut where it is not there."""
    from k3m_kg.snapshot import build_snapshot

    home = options.work / f"{options.products}-products"
    if not (home / "snapshots" / "latest").exists():
        (home / "pictures").mkdir(parents=True, exist_ok=True)
        graph = WithPictures(options.products, options.pictures, home / "pictures")
        build_snapshot(graph, home / "snapshots")
    return home


def _memory(process: int) -> tuple[float, float] | None:
    """Resident MiB that a process holds itself, and of mapped files."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
        return tuple(
            int(status.split(name)[1].split()[0]) / 1024 for name in ("RssAnon:", "RssFile:")
        )  # type: ignore[return-value]
    except (OSError, IndexError):
        return None


def _steps(output: Path) -> int:
    """How many steps have been logged."""
    log = output.with_name(output.name + ".run") / "metrics.jsonl"
    if not log.exists():
        return 0
    with log.open("rb") as file:
        return sum(1 for line in file if b'"validation"' not in line)


def settings(options: argparse.Namespace, home: Path) -> dict[str, Any]:
    """The model of fashion's example; the questions are bounded, as there are no others to hide."""
    found: dict[str, Any] = yaml.safe_load(_CONFIG.read_text())
    found["snapshot"] = str(home / "snapshots")
    found["output"] = str(home / "model")
    found["validation"] = {"max_products": 200}
    for task in found["tasks"]:
        if task["name"] == "lpm":
            task.pop("shown")
            task.update(options.lpm)
    epochs = {"epochs": 1, "minutes": options.minutes, "threads": 1, "checkpoint_steps": 20}
    found["training"].update(epochs, loggers=[], log_steps=10)
    return found


def train(options: argparse.Namespace, home: Path) -> dict[str, Any]:
    """Run the command beside us, and look at it."""
    config = home / "config.yaml"
    config.write_text(yaml.safe_dump(settings(options, home)))
    output = home / "model"
    began = time.perf_counter()
    changes = [word for change in options.set for word in ("--set", change)]
    command = [sys.executable, "-m", "k3m_kg", "pretrain", str(config), *changes]
    seen: list[Seen] = []
    with (home / "train.log").open("w") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log)
        while running.poll() is None:
            memory = _memory(running.pid)
            if memory is not None:
                seen.append((time.perf_counter() - began, _steps(output), *memory))
            if seen and seen[-1][1] >= options.steps:
                running.terminate()
                break
            time.sleep(1)
        running.wait()
    (home / "memory.json").write_text(json.dumps(seen))
    return summary(seen, options)


def summary(
    seen: list[tuple[float, int, float, float]], options: argparse.Namespace
) -> dict[str, Any]:
    """Figures of what was seen."""
    last = max(step for _, step, _, _ in seen)
    at = {
        step: statistics.median(anonymous for _, s, anonymous, _ in seen if abs(s - step) <= 15)
        for step in (*range(50, last, 50), last)
        if any(abs(s - step) <= 15 for _, s, _, _ in seen)
    }
    first = next((second for second, step, _, _ in seen if step), None)
    early = [memory for _, step, memory, _ in seen if _FIRST <= step < _FIRST + last // 10 + 1]
    late = [memory for _, step, memory, _ in seen if step >= last - last // 10]
    return {
        "benchmark": "long_run",
        "products": options.products,
        "pictures": options.pictures,
        "steps": last,
        "first_steps_logged_s": first,
        "anonymous_mib_by_step": {step: round(mib) for step, mib in at.items()},
        "peak_anonymous_mib": round(max(anonymous for _, _, anonymous, _ in seen)),
        "peak_file_mib": round(max(file for _, _, _, file in seen)),
        "growth_mib": round(statistics.median(late) - statistics.median(early), 1)
        if early and late
        else None,
    }


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, default=1_000_000)
    parser.add_argument("--pictures", type=int, default=4_000, help="distinct ones")
    parser.add_argument("--steps", type=int, default=400, help="after which it is stopped")
    parser.add_argument("--minutes", type=float, default=60.0, help="the training's budget")
    parser.add_argument("--work", type=Path, default=Path("runs/long"))
    parser.add_argument(
        "--lpm", type=json.loads, default={"at_most": 4, "ask": "shared"}, help="of the task, JSON"
    )
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE of the config")
    add_out(parser)
    options = parser.parse_args()
    started = time.process_time()
    home = cut(options)
    taken = time.process_time() - started
    size = sum(file.stat().st_size for file in (home / "snapshots").rglob("*") if file.is_file())
    figures = train(options, home) if options.steps else {"benchmark": "long_run"}
    tell(figures | {"cut_processor_s": round(taken, 1), "disk_mib": size >> 20}, options.out)


if __name__ == "__main__":
    main()
