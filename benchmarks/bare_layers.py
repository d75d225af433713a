"""A training step against the bare layers it is made of, on the CPU, in turns.

    python -m benchmarks bare_layers --size base --batch 16

Three things take turns, step by step, on the same batches; figures are medians of the processor's
seconds, so that other jobs on the machine change them little:

- `step`: all of a training step with its batch ready: forward, tasks, backward, AdamW.
- `model`: forward and backward of the model, without tasks and optimiser.
- `layers`: every layer with weights that the step called, called once more by itself, forward and
  backward, with random numbers for input: as many tokens as were there (texts of one length,
  the mean), so nothing masks, packs, looks up, pools or is left out. `layers` is the limit.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks._figures import add_out, tell
from benchmarks.training_throughput import (
    CONFIG,
    SIZES,
    Loop,
    _copied,
    make_snapshot,
    trainer_of,
)
from k3m_kg.config import RunConfig, load_config
from k3m_kg.contracts import ProductBatch
from k3m_kg.contracts.transformer import TransformerLayer
from k3m_kg.model.compose import resolve
from k3m_kg_interactors.attention import Attention

Call = Callable[[], Tensor]


def _random(like: Tensor, shape: tuple[int, ...] | None = None) -> Tensor:
    return torch.randn(shape or like.shape, dtype=like.dtype, requires_grad=like.requires_grad)


def _layer(module: TransformerLayer, inputs: tuple[Any, ...]) -> Call:
    tokens, place_N, attended_B11T = inputs
    if place_N is None:
        made = _random(tokens)
    else:
        rows = attended_B11T.shape[0]
        made = _random(tokens, (rows, max(1, round(len(tokens) / rows)), tokens.shape[-1]))
    return lambda: module(made, None, None)


def _attention(module: Attention, inputs: tuple[Any, ...]) -> Call:
    own_BNH, other_BMH, present_BM = inputs
    length = max(1, round(float(present_BM.sum() / len(present_BM))))
    own = _random(own_BNH)
    other = _random(other_BMH, (len(other_BMH), length, other_BMH.shape[2]))
    present = torch.ones(len(other), length, dtype=torch.bool)
    return lambda: module(own, other, present)


def _other(module: nn.Module, inputs: tuple[Any, ...]) -> Call:
    (given,) = inputs
    made = _random(given) if given.is_floating_point() else given
    return lambda: module(made)


def calls_of(loop: Loop, batch: ProductBatch) -> list[Call]:
    """Every call of a layer in one step, to be repeated."""
    found: list[Call] = []
    kinds: tuple[tuple[type[nn.Module], Any], ...] = (
        (TransformerLayer, _layer),
        (Attention, _attention),
    )
    inside = {
        id(part)
        for module in loop.trainer.modules()
        if isinstance(module, tuple(kind for kind, _ in kinds))
        for part in module.modules()
        if part is not module
    }
    hooks = []
    for module in loop.trainer.modules():
        if id(module) in inside:
            continue
        make = next((make for kind, make in kinds if isinstance(module, kind)), None)
        if make is None:
            if list(module.children()) or not list(module.parameters()):
                continue
            make = _other
            if not isinstance(module, nn.Linear | nn.Conv2d | nn.LayerNorm | nn.BatchNorm2d):
                continue

        def hook(module: nn.Module, inputs: tuple[Any, ...], make: Any = make) -> None:
            found.append(make(module, inputs))

        hooks.append(module.register_forward_pre_hook(hook))
    loop.step(batch)
    for handle in hooks:
        handle.remove()
    return found


def of_model(loop: Loop, batch: ProductBatch) -> float:
    """Processor seconds of forward and backward of the model alone: no task, no optimiser."""
    began = time.process_time()
    out = loop.trainer.model(batch)
    parts = [out.cstar_BH, *out.tokens.values(), *out.individual.values()]
    sum(part.sum() for part in parts).backward()
    loop.optimizer.zero_grad(set_to_none=True)
    return time.process_time() - began


def repeated(loop: Loop, calls: list[Call]) -> float:
    """Processor seconds of all calls, forward and backward."""
    began = time.process_time()
    for call in calls:
        call().sum().backward()
    loop.optimizer.zero_grad(set_to_none=True)
    return time.process_time() - began


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """One size."""
    changes = ["tasks.lpm.shown={}", "validation={}", *SIZES[options.size]]
    config = resolve(load_config(RunConfig, CONFIG, [*changes, *options.set]))
    words = (8, 32) if options.size != "fashion" else (4, 10)
    snapshot = make_snapshot(folder, max(64, 2 * options.batch), words)
    torch.manual_seed(0)
    trainer, batcher, rows = trainer_of(config, snapshot, torch.device("cpu"))
    loop = Loop(trainer, config, torch.device("cpu"), half=False)
    random = np.random.default_rng(0)
    seconds: dict[str, list[float]] = {"step": [], "model": [], "layers": []}
    for number in range(options.steps + 1):
        generator = torch.Generator().manual_seed(number)
        chosen = random.choice(rows, options.batch, replace=False)
        batch = trainer.corrupt(batcher.batch(chosen), generator)
        calls = calls_of(loop, _copied(batch))
        ready = _copied(batch)
        began = time.process_time()
        float(loop.step(ready))
        step = time.process_time() - began
        model = of_model(loop, _copied(batch))
        layers = repeated(loop, calls)
        if number:  # the first warms up
            for name, value in (("step", step), ("model", model), ("layers", layers)):
                seconds[name].append(value)
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    return {
        "size": options.size,
        "batch": options.batch,
        "steps": options.steps,
        **{f"{name}_ms": round(1000 * value, 1) for name, value in medians.items()},
        "model_of_step": round(medians["model"] / medians["step"], 3),
        "layers_of_step": round(medians["layers"] / medians["step"], 3),
        "layers_of_model": round(medians["layers"] / medians["model"], 3),
    }


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=list(SIZES), default="fashion")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE of the config")
    add_out(parser)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(options, Path(folder))
    tell({"benchmark": "bare_layers", **found}, options.out)


if __name__ == "__main__":
    main()
