"""How much of a frozen network's bare forward pass is left when it prepares a snapshot's pictures.

    python -m benchmarks frozen_encoders
    python -m benchmarks frozen_encoders --encoder pretrained-vision --model FOLDER --device cuda

The bare pass is that of the same network, precision and batch, over pixels that are there already;
preparing also opens, decodes, fits and writes.
"""

from __future__ import annotations

import argparse
import copy
import shutil
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.training_throughput import make_snapshot
from k3m_kg.batches.prepared_images import prepare_images
from k3m_kg.config import Component
from k3m_kg.contracts import ModelContext
from k3m_kg.plugin.registry import registry

BATCH = 32
ROUNDS = 3


def bare(encoder, device: torch.device, count: int) -> float:
    """Pictures a second of the network alone."""
    dtype = encoder._precision()
    network = copy.deepcopy(encoder._network)
    network = network.to(device, dtype, memory_format=torch.channels_last)
    side = network.side
    pixels = torch.randn(BATCH, 3, side, side, device=device, dtype=dtype)
    pixels = pixels.contiguous(memory_format=torch.channels_last)

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize()

    with torch.no_grad():
        network(pixels)
        wait()
        start = time.perf_counter()
        for _ in range(count // BATCH):
            network(pixels)
        wait()
    return count // BATCH * BATCH / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", default="efficientnet-lite0")
    parser.add_argument("--model", help="of pretrained-vision")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pictures", type=int, default=512)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    settings = {"model": options.model} if options.model else {}
    component = Component(name=options.encoder, settings=settings)
    record = registry().find("image-encoder", options.encoder).record
    checked = registry().settings("image-encoder", component, "image_encoder")
    encoder = record.factory(checked, ModelContext(hidden=64)).eval().to(device)
    with tempfile.TemporaryDirectory() as folder:
        snapshot = make_snapshot(Path(folder), options.pictures)
        shares = []
        for _ in range(ROUNDS):  # in turn, so that what else the machine does falls on both
            alone = bare(encoder, device, options.pictures)
            cache = snapshot.path.parent / f"{snapshot.path.name}.cache"
            shutil.rmtree(cache, ignore_errors=True)
            start = time.perf_counter()
            prepare_images(snapshot, encoder)
            rate = options.pictures / (time.perf_counter() - start)
            shares.append(rate / alone)
            print(f"bare {alone:.0f} pictures/s, prepared {rate:.0f}: {shares[-1]:.2f}", flush=True)
    precision = str(encoder._precision()).removeprefix("torch.")
    print(f"{options.encoder}, {precision}, {options.threads} threads: best {max(shares):.2f}")


if __name__ == "__main__":
    main()
