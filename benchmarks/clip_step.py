"""A training step of transformers' own CLIP, with the towers of `training_throughput --size base`.

Two towers of 6 layers, 768 wide, 12 heads: pictures of 96 pixels in patches of 16, titles of 8 to
32 tokens. CLIP compares two vectors of each product; K3M lets the tokens of both look at each
other, reads triples and learns three tasks, so that products/s are not of like work: the operations
per second, as a share of the matrix product of the same run, are what to compare.

    python -m benchmarks clip_step --batch 16
    python -m benchmarks clip_step --device cuda --precision bf16 --batch 512
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPVisionConfig

from benchmarks._figures import add_out, clock_of, tell
from benchmarks.training_throughput import matmul_flops

LONGEST = 32
"""Tokens of a title at most."""


def model_of(
    length_B: torch.Tensor, device: torch.device, *, half: bool = False
) -> tuple[Callable[[], None], int]:
    """A step of an untrained model on some products, and how many tokens it reads in it.

    Args:
        length_B: tokens of each title.
        device: where.
        half: compute in bfloat16.
    """
    tower = {
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 6,
        "num_attention_heads": 12,
    }
    text = CLIPTextConfig(vocab_size=6000, max_position_embeddings=36, eos_token_id=2, **tower)
    vision = CLIPVisionConfig(image_size=96, patch_size=16, **tower)
    config = CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict())
    model = CLIPModel(config).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    size = len(length_B)
    inputs = {
        "input_ids": torch.randint(3, 6000, (size, LONGEST)).to(device),
        "attention_mask": (torch.arange(LONGEST) < length_B[:, None]).long().to(device),
        "pixel_values": torch.rand(size, 3, 96, 96).to(device),
    }

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            loss = model(**inputs, return_loss=True).loss
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        float(loss.detach())

    return step, size * (LONGEST + (96 // 16) ** 2 + 1)


def main() -> None:
    """Print one line for each size of batch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, nargs="+", default=[16])
    parser.add_argument("--steps", type=int, default=10)
    add_out(parser)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device, half = torch.device(options.device), options.precision == "bf16"
    limit = matmul_flops(device, torch.bfloat16 if half else torch.float32)
    for size in options.batch:
        torch.manual_seed(0)
        step, _ = model_of(torch.randint(8, LONGEST + 1, (size,)), device, half=half)
        for _ in range(3):
            step()
        seconds, clock = [], clock_of(device)
        for _ in range(options.steps):
            start = clock()
            step()
            seconds.append(clock() - start)
        with FlopCounterMode(display=False) as counter:
            step()
        taken = statistics.median(seconds)
        rate = counter.get_total_flops() / taken
        figures = {
            "benchmark": "clip_step",
            "device": torch.cuda.get_device_name() if device.type == "cuda" else "CPU",
            "precision": options.precision,
            "batch": size,
            "products_per_s": round(size / taken, 1),
            "step_ms": round(1000 * taken, 1),
            "tflop_per_s": round(rate / 1e12, 2),
            "of_matrix_product": round(rate / limit, 3),
        }
        tell(figures, options.out)


if __name__ == "__main__":
    main()
