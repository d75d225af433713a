"""How a training step's cost grows with what a catalog has: words, triples, properties, pictures.

Products are generated; the model is that of `examples/fashion/full.yaml`. One thing at a time is
changed: words of a title, triples of a product, properties of the catalog (30 values each), the
share of products without a picture. Seconds are the processor's, of one thread, for batches made
and learned from, so other jobs on the machine change little; the median of some steps after three.

    python -m benchmarks growth
    python -m benchmarks growth --axes triples --steps 10 --set tasks.lpm.at_most=8

`last` is how the cost of a product grew over an axis's last piece, by how the axis grew: (cost
there by cost before) by (value there by value before). Above 1 it grows worse than linearly.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from benchmarks._figures import add_out, tell
from benchmarks.training_throughput import CONFIG, Loop, trainer_of
from k3m_kg.config import load_config
from k3m_kg.config.run import RunConfig
from k3m_kg.graph.stored import StoredImage, StoredProduct
from k3m_kg.model.compose import resolve
from k3m_kg.snapshot import Snapshot, build_snapshot

AXES: dict[str, tuple[float, ...]] = {
    "words": (8, 16, 36, 64),
    "triples": (0, 7, 30, 150),
    "properties": (10, 100, 1000),
    "pictureless": (0.0, 0.5, 1.0),
}


@dataclass(frozen=True)
class Shape:
    """What the products have."""

    words: int = 8
    triples: int = 7
    properties: int = 10
    pictureless: float = 0.0


def cut(folder: Path, shape: Shape, products: int) -> Snapshot:
    """Products of this shape."""
    from PIL import Image

    random = np.random.default_rng(0)
    names = max(shape.properties, shape.triples)

    class Generated:
        def iter_subjects(self) -> Iterator[StoredProduct]:
            for number in range(products):
                title = " ".join(f"word{n}" for n in random.integers(400, size=shape.words))
                chosen = np.sort(random.choice(names, shape.triples, replace=False))
                triples = tuple((f"p{k}", f"value {random.integers(30)}") for k in chosen)
                images = ()
                if random.random() >= shape.pictureless:
                    path = folder / f"{number}.png"
                    pixels = random.integers(0, 256, (80, 80, 3), dtype=np.uint8)
                    Image.fromarray(pixels).save(path, compress_level=0)
                    digest = hashlib.sha256(path.read_bytes()).hexdigest()
                    images = (StoredImage(path.name, str(path), digest, 80, 80, None),)
                yield StoredProduct(f"{number:06}", title, None, triples, images)

    return build_snapshot(Generated(), folder / "snapshots").snapshot


def milliseconds(shape: Shape, batch: int, steps: int, changes: list[str]) -> float:
    """Of the processor, for each product of a step."""
    settings = [
        "tasks.lpm.shown={}",
        "validation={}",
        "model.max_title_tokens=72",
        "model.max_triples=160",
        *changes,
    ]
    config = resolve(load_config(RunConfig, CONFIG, settings))
    with tempfile.TemporaryDirectory() as folder:
        snapshot = cut(Path(folder), shape, 3 * batch)
        torch.manual_seed(0)
        trainer, batcher, rows = trainer_of(config, snapshot, torch.device("cpu"))
        loop = Loop(trainer, config, torch.device("cpu"), half=False)
        random = np.random.default_rng(0)
        found = []
        for step in range(3 + steps):
            began = time.process_time()
            generator = torch.Generator().manual_seed(step)
            made = batcher.batch(random.choice(rows, batch, replace=False))
            loop.step(trainer.corrupt(made, generator))
            found.append(time.process_time() - began)
    return 1000 * statistics.median(found[3:]) / batch


def last(at: tuple[float, ...], cost: list[float]) -> float:
    """Growth of the cost over the last piece, by that of what it is for."""
    return cost[-1] / cost[-2] / (at[-1] / at[-2])


def main() -> None:
    """Print one line for each axis."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--axes", nargs="+", choices=list(AXES), default=list(AXES))
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE of the config")
    add_out(parser)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for axis in options.axes:
        cost = []
        for value in AXES[axis]:
            kind = type(getattr(Shape(), axis))
            shape = replace(Shape(), **{axis: kind(value)})
            cost.append(milliseconds(shape, options.batch, options.steps, options.set))
        figures = {
            "benchmark": "growth",
            "axis": axis,
            "at": AXES[axis],
            "products_per_s": [round(1000 / ms, 1) for ms in cost],
            "ms_per_product": [round(ms, 2) for ms in cost],
            "last": round(last(AXES[axis], cost), 2),
            "otherwise": asdict(Shape()),
            "set": options.set,
        }
        tell(figures, options.out)


if __name__ == "__main__":
    main()
