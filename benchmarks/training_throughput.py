"""Training speed of K3M, as a share of what the machine's matrix product reaches in the same run.

Products are generated in memory: random pictures, titles of uneven length and triples of the
fashion catalog's shape. Sizes: `fashion` is the model of `examples/fashion/full.yaml`, `base` one
of 768 numbers and 6 layers, `paper` the depths and widths that were published (12 text layers, 6
of pictures, 6 of co-attention; T = 36, R = 36).

    python -m benchmarks training_throughput
    python -m benchmarks training_throughput --device cuda --precision bf16 --size base --batch 256

Of each step is said what it costs with batches ready in memory (`step`) and as they are made beside
it (`with data`), and which share of it forward and backward of the layers alone would cost.
Operations are counted with padding by torch's own counter; the share of tokens that are padding
stands beside them, and the MFU is of the operations less that share.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks._figures import add_out, peak_gib, tell
from k3m_kg.batches.batcher import Batcher, build_catalog
from k3m_kg.config import RunConfig, load_config
from k3m_kg.contracts import ProductBatch
from k3m_kg.engine.hardware import peak_of
from k3m_kg.model.compose import build_encoders, build_model, build_tasks, resolve
from k3m_kg.snapshot import Snapshot
from k3m_kg.training.loop.compiling import compile_layers, uncompiled
from k3m_kg.training.loop.optimizer import parameter_groups
from k3m_kg.training.loop.step import Pretrainer

CONFIG = Path(__file__).parent.parent / "examples" / "fashion" / "full.yaml"
_WIDE = [
    "model.hidden=768",
    "model.knowledge=product",
    "model.pool=tokens",
    "model.max_title_tokens=36",
    "tasks.lpm.questions=hidden",
]
SIZES: dict[str, list[str]] = {
    "fashion": [],
    "base": [
        *_WIDE,
        "text_encoder={name: bert-wordpiece, layers: 6, heads: 12, expansion: 4}",
        "image_encoder={name: patch-vit, size: 96, patch: 16, stem: linear, layers: 6, heads: 12}",
        "model.interactor={name: co-attention, layers: 2, heads: 12}",
    ],
    "paper": [
        *_WIDE,
        "text_encoder={name: bert-wordpiece, layers: 12, heads: 12, expansion: 4}",
        "image_encoder={name: patch-vit, size: 96, patch: 16, stem: linear, layers: 6, heads: 8}",
        "model.interactor={name: co-attention, layers: 6, heads: 8, self_attention: true}",
    ],
}


def make_snapshot(folder: Path, count: int, words: tuple[int, int] = (4, 10)) -> Snapshot:
    """A catalog of noise with 8 properties, titles of some words and 80-pixel pictures."""
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
                Image.fromarray(pixels).save(path, compress_level=0)
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                length = random.integers(words[0], words[1] + 1)
                title = " ".join(f"word{random.integers(800)}" for _ in range(length))
                triples = tuple(
                    (f"p{k}", f"value {random.integers(n)}") for k, n in enumerate(sizes)
                )
                image = StoredImage(path.name, str(path), digest, 80, 80, None)
                yield StoredProduct(f"{number:06}", title, None, triples, (image,))

    return build_snapshot(Noise(), folder / "snapshots").snapshot


def matmul_flops(device: torch.device, dtype: torch.dtype) -> float:
    """FLOP/s of a square matrix product, the best of ten."""
    side = 8192 if device.type == "cuda" else 2048
    a = torch.randn(side, side, device=device, dtype=dtype)
    best = float("inf")
    for _ in range(10):
        start = time.perf_counter()
        b = a @ a
        float(b[0, 0])
        best = min(best, time.perf_counter() - start)
    return 2 * side**3 / best


def trainer_of(
    config: RunConfig, snapshot: Snapshot, device: torch.device
) -> tuple[Pretrainer, Batcher, np.ndarray]:
    """An untrained model with its tasks, and what makes its batches."""
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


class Loop:
    """Steps of a training, without what surrounds them.

    Args:
        trainer: learns.
        config: of the training.
        device: where.
        half: compute in bfloat16.
    """

    def __init__(
        self, trainer: Pretrainer, config: RunConfig, device: torch.device, half: bool
    ) -> None:
        self.trainer, self.device, self.half = trainer, device, half
        groups = parameter_groups(trainer.model, trainer.tasks, config.training)
        self.optimizer = torch.optim.AdamW(groups, fused=True)

    def step(self, batch: ProductBatch) -> torch.Tensor:
        """The loss, not waited for."""
        self.optimizer.zero_grad(set_to_none=True)  # before the forward pass, as `pretrain` does
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            loss, _ = self.trainer(batch.to(self.device))
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def rate(self, batches: list[Callable[[], ProductBatch]], every: int) -> float:
        """Median seconds of a step; the device is waited for after `every` steps."""
        found = []
        for start in range(0, len(batches) - every + 1, every):
            begin = time.perf_counter()
            for make in batches[start : start + every]:
                loss = self.step(make())
            float(loss)
            found.append((time.perf_counter() - begin) / every)
        return statistics.median(found)


def padding(batch: ProductBatch) -> float:
    """Share of the tokens of a batch that stand for nothing."""
    absent = present = 0
    for tokens in batch.modalities.values():
        present += int(tokens.tokens_BN.sum())
        absent += int((~tokens.tokens_BN).sum())
    if batch.knowledge is not None:
        there = int(batch.knowledge.present_BK.sum())
        present, absent = present + there, absent + batch.knowledge.present_BK.numel() - there
    return absent / max(1, absent + present)


def bare(loop: Loop, batches: list[ProductBatch]) -> float:
    """Median seconds of forward and backward of the layers alone: no task, no optimiser."""
    model, found = loop.trainer.model, []
    for batch in batches:
        start = time.perf_counter()
        with torch.autocast(loop.device.type, torch.bfloat16, enabled=loop.half):
            out = model(batch.to(loop.device))
        parts = [out.cstar_BH, *out.tokens.values(), *out.individual.values()]
        sum(part.float().sum() for part in parts).backward()
        loop.optimizer.zero_grad(set_to_none=True)
        if loop.device.type == "cuda":
            torch.cuda.synchronize()
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def waits(loop: Loop, batch: ProductBatch) -> int:
    """How often a step makes the processor wait for the GPU, by torch's own warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        loop.step(batch)
        torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(warning.message) for warning in caught)


def kernels(loop: Loop, batch: ProductBatch, path: Path) -> None:
    """Write where the time of three steps goes, operation by operation, the longest first."""
    kinds = [torch.profiler.ProfilerActivity.CPU]
    if loop.device.type == "cuda":
        kinds.append(torch.profiler.ProfilerActivity.CUDA)
    ready = [_copied(batch) for _ in range(3)]
    with torch.profiler.profile(activities=kinds) as watched:
        for again in ready:
            loop.step(again)
        if loop.device.type == "cuda":
            torch.cuda.synchronize()
    by = "self_cuda_time_total" if loop.device.type == "cuda" else "self_cpu_time_total"
    table = watched.key_averages().table(sort_by=by, row_limit=70, max_name_column_width=90)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(table)


def _graphs() -> int:
    return int(torch._dynamo.utils.counters["stats"]["unique_graphs"])


def _copied(batch: ProductBatch) -> ProductBatch:
    """A batch that a step may change; the catalog is that of all."""
    return copy.deepcopy(batch, {id(batch.catalog): batch.catalog})


def _itself(batch: ProductBatch) -> ProductBatch:
    return batch


def measure(options: argparse.Namespace, batch_size: int, folder: Path) -> dict[str, Any]:
    """One size of batch."""
    device = torch.device(options.device)
    half = options.precision == "bf16"
    changes = ["tasks.lpm.shown={}", "validation={}", *SIZES[options.size]]
    config = resolve(load_config(RunConfig, CONFIG, [*changes, *options.set]))
    words = (8, 32) if options.size != "fashion" else (4, 10)
    snapshot = make_snapshot(folder, max(256, 2 * batch_size), words)
    torch.manual_seed(0)
    trainer, batcher, rows = trainer_of(config, snapshot, device)
    if options.compile:
        compile_layers(trainer)
    loop = Loop(trainer, config, device, half)
    random = np.random.default_rng(0)

    def make() -> ProductBatch:
        size = min(batch_size, len(rows))
        chosen = random.choice(rows, size, replace=False)
        generator = torch.Generator().manual_seed(int(random.integers(1 << 31)))
        return trainer.corrupt(batcher.batch(chosen), generator)

    kept = [make() for _ in range(4)]
    for number in range(6):
        float(loop.step(_copied(kept[number % 4])))
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    every = 1 if device.type == "cpu" else 5
    ready = [_copied(kept[number % 4]) for number in range(options.steps)]
    step = loop.rate([partial(_itself, batch) for batch in ready], every)
    layers = bare(loop, [_copied(kept[number % 4]) for number in range(options.steps)])
    with ThreadPoolExecutor(options.workers) as pool:
        coming = [pool.submit(make) for _ in range(options.steps)]
        ahead = loop.rate([item.result for item in coming], every)
    start = time.perf_counter()
    for _ in range(4):
        make()
    making = (time.perf_counter() - start) / 4
    counted = _copied(kept[0])
    with uncompiled(), FlopCounterMode(display=False) as counter:
        loop.step(counted)
    syncs = waits(loop, _copied(kept[1])) if device.type == "cuda" else None
    if options.kernels is not None:
        kernels(loop, kept[2], options.kernels)
    flops, waste = counter.get_total_flops(), padding(kept[0].to(device))
    limit = matmul_flops(device, torch.bfloat16 if half else torch.float32)
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    peak = peak_of(device, options.precision)
    size = kept[0].size
    return {
        "device": name,
        "size": options.size,
        "precision": options.precision,
        "compiled_graphs": _graphs() if options.compile else 0,
        "batch": size,
        "parameters": sum(p.numel() for p in trainer.parameters()),
        "products_per_s": round(size / step, 1),
        "with_data_products_per_s": round(size / ahead, 1),
        "making_products_per_s": round(size / making, 1),
        "host_syncs": syncs,
        "step_ms": round(1000 * step, 2),
        "gflop_per_product": round(flops / size / 1e9, 2),
        "padding": round(waste, 3),
        "tflop_per_s": round(flops / step / 1e12, 2),
        "of_bare_layers": round(layers / step, 3),
        "of_matrix_product": round(flops / step / limit, 3),
        "mfu": round(flops * (1 - waste) / step / peak, 3) if peak else 0,
        "memory_gib": round(peak_gib(device), 2),
    }


def main() -> None:
    """Print one line for each size of batch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--size", choices=list(SIZES), default="fashion")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, nargs="+", default=[64])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument(
        "--kernels", type=Path, help="a file for a table of where a step's time goes"
    )
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE of the config")
    add_out(parser)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_float32_matmul_precision("high" if options.precision == "bf16" else "highest")
    for batch_size in options.batch:
        with tempfile.TemporaryDirectory() as folder:
            found = measure(options, batch_size, Path(folder))
        tell({"benchmark": "training_throughput", **found}, options.out)


if __name__ == "__main__":
    main()
