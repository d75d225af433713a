"""Training speed of K3M, as a share of what the machine's matrix product reaches in the same run.

Products are generated in memory (random pictures, titles and triples of the fashion catalog's
shape); the model is that of `examples/fashion/full.yaml`. Runs unchanged on a GPU:
`python -m benchmarks training_throughput --device cuda --precision bf16`.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from k3m_kg.batches.batcher import Batcher, build_catalog
from k3m_kg.config import RunConfig, load_config
from k3m_kg.model.compose import build_encoders, build_model, build_tasks, resolve
from k3m_kg.snapshot import Snapshot
from k3m_kg.training.optimizer import parameter_groups
from k3m_kg.training.step import Pretrainer

CONFIG = Path(__file__).parent.parent / "examples" / "fashion" / "full.yaml"


def make_snapshot(folder: Path, count: int) -> Snapshot:
    """A catalog of noise with 8 properties, titles of about 7 words and 80-pixel pictures."""
    import hashlib

    from PIL import Image

    from k3m_kg.graph.stored import StoredImage, StoredProduct
    from k3m_kg.snapshot import build_snapshot

    random = np.random.default_rng(0)
    sizes = (5, 6, 30, 75, 44, 4, 11, 7)

    class Noise:
        def iter_subjects(self) -> Iterator[StoredProduct]:
            for number in range(count):
                path = folder / f"{number}.png"
                pixels = random.integers(0, 256, (80, 80, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(path)
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                words = " ".join(f"word{random.integers(800)}" for _ in range(7))
                triples = tuple(
                    (f"p{k}", f"value {random.integers(n)}") for k, n in enumerate(sizes)
                )
                image = StoredImage(path.name, str(path), digest, 80, 80, None)
                yield StoredProduct(f"{number:06}", words, None, triples, (image,))

    return build_snapshot(Noise(), folder / "snapshots").snapshot


def matmul_flops(device: torch.device, dtype: torch.dtype) -> float:
    """FLOP/s of a 2048 x 2048 matrix product, the best of ten."""
    a = torch.randn(2048, 2048, device=device, dtype=dtype)
    best = float("inf")
    for _ in range(10):
        start = time.perf_counter()
        b = a @ a
        float(b[0, 0])
        best = min(best, time.perf_counter() - start)
    return 2 * 2048**3 / best


def trainer_of(config: RunConfig, snapshot: Snapshot, device: torch.device):
    encoders = build_encoders(config)
    opened = {name: view.open(snapshot) for name, view in encoders.modalities.items()}
    rows = snapshot.rows("train")
    encoders.text.fit(snapshot.titles.to_pylist(), [*snapshot.properties, *snapshot.values])
    for name, view in encoders.modalities.items():
        view.fit(opened[name], rows[:200])
    catalog = build_catalog(snapshot, encoders.text, config.model)
    model = build_model(config, encoders)
    tasks = build_tasks(config, model, catalog)
    weights = {task.name: task.weight for task in config.tasks}
    trainer = Pretrainer(model, tasks, weights).to(device).train()
    batcher = Batcher(snapshot, opened, config.model, catalog).to(device)
    return trainer, batcher, rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    config = load_config(RunConfig, CONFIG, ["tasks.lpm.shown={}", "validation={}"])
    config = resolve(config)
    with tempfile.TemporaryDirectory() as folder:
        snapshot = make_snapshot(Path(folder), 8 * options.batch)
        trainer, batcher, rows = trainer_of(config, snapshot, device)
        groups = parameter_groups(trainer.model, trainer.tasks, config.training)
        optimizer = torch.optim.AdamW(groups, fused=True)
        generator = torch.Generator().manual_seed(0)
        random = np.random.default_rng(0)
        half = options.precision == "bf16"

        def step() -> float:
            start = time.perf_counter()
            batch = batcher.batch(random.choice(rows, options.batch, replace=False)).to(device)
            with torch.autocast(device.type, torch.bfloat16, enabled=half):
                loss, _ = trainer(batch, generator)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            float(loss.detach())
            return time.perf_counter() - start

        for _ in range(3):
            step()
        seconds = statistics.median(step() for _ in range(options.steps))
        with FlopCounterMode(display=False) as counter:
            step()
        limit = matmul_flops(device, torch.bfloat16 if half else torch.float32)
        rate, flops = options.batch / seconds, counter.get_total_flops() / seconds
    print(f"{rate:.0f} products/s ({options.threads} threads, batch {options.batch})")
    print(f"model {flops / 1e9:.1f} GFLOP/s, matrix product {limit / 1e9:.1f} GFLOP/s")
    print(f"share of the machine's matrix product: {flops / limit:.2f}")


if __name__ == "__main__":
    main()
