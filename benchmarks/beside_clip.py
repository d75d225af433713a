"""A training step of K3M, `--size base`, and one of transformers' CLIP of equal towers, in turns.

    python -m benchmarks beside_clip --batch 16

Both towers have 6 layers, 768 wide, 12 heads, pictures of 96 pixels in patches of 16 and titles of
8 to 32 tokens. K3M does more with a product, so operations per second of the processor are what to
compare: those that a step carries out, by torch's counter, less CLIP's share of tokens that are
padding, which K3M leaves out on a CPU (but for its interactor, where they are few).
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks._figures import add_out, tell
from benchmarks.clip_step import LONGEST, model_of
from benchmarks.training_throughput import CONFIG, SIZES, Loop, _copied, make_snapshot, trainer_of
from k3m_kg.config import RunConfig, load_config
from k3m_kg.model.compose import resolve


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=3)
    add_out(parser)
    options = parser.parse_args()
    torch.set_num_threads(1)
    size, device = options.batch, torch.device("cpu")
    changes = ["tasks.lpm.shown={}", "validation={}", *SIZES["base"]]
    config = resolve(load_config(RunConfig, CONFIG, changes))
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        snapshot = make_snapshot(Path(folder), 2 * size, (8, LONGEST))
        trainer, batcher, rows = trainer_of(config, snapshot, device)
        loop = Loop(trainer, config, device, half=False)
        chosen = np.random.default_rng(0).choice(rows, size, replace=False)
        batch = trainer.corrupt(batcher.batch(chosen), torch.Generator().manual_seed(0))
    length_B = torch.randint(8, LONGEST + 1, (size,))
    clip_step, tokens = model_of(length_B, device)
    padding = float(LONGEST * size - length_B.sum()) / tokens

    def ours() -> None:
        float(loop.step(_copied(batch)))

    seconds: dict[str, list[float]] = {"k3m": [], "clip": []}
    for number in range(options.steps + 1):
        for name, step in (("k3m", ours), ("clip", clip_step)):
            began = time.process_time()
            step()
            if number:
                seconds[name].append(time.process_time() - began)
    rates, figures = {}, {}
    for name, step in (("k3m", ours), ("clip", clip_step)):
        with FlopCounterMode(display=False) as counter:
            step()
        taken = statistics.median(seconds[name])
        counted = counter.get_total_flops() * (1 - padding if name == "clip" else 1)
        rates[name] = counted / taken / 1e9
        figures[name] = {
            "step_ms": round(1000 * taken, 1),
            "products_per_s": round(size / taken, 2),
            "gflop_per_product": round(counted / size / 1e9, 2),
            "gflop_per_s": round(rates[name], 1),
        }
    told = {"benchmark": "beside_clip", "batch": size, "clip_padding": round(padding, 3), **figures}
    tell(told | {"k3m_of_clip": round(rates["k3m"] / rates["clip"], 3)}, options.out)


if __name__ == "__main__":
    main()
