"""Figures as lines of JSON: shown, and kept where a run asks for it."""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def add_out(parser: argparse.ArgumentParser) -> None:
    """The option `--out`."""
    parser.add_argument("--out", type=Path, help="append JSON lines here")


def tell(figures: Mapping[str, Any], out: Path | None) -> None:
    """Print one line, and append it to `out`."""
    line = json.dumps(figures)
    print(line, flush=True)
    if out:
        with out.open("a") as file:
            file.write(line + "\n")


def clock_of(device: torch.device) -> Callable[[], float]:
    """Seconds: on a CPU of the process, of which other jobs on the machine take nothing."""
    return time.process_time if device.type == "cpu" else time.perf_counter


def peak_gib(device: torch.device) -> float:
    """Of a GPU what tensors took at most; on a CPU all that the process held at most."""
    if device.type == "cuda":
        import torch

        return torch.cuda.max_memory_allocated() / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
