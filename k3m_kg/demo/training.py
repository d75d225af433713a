"""Trains both models of the demo at once, a process each: small ones gain nothing from threads."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from k3m_kg.config import RunConfig, validate_settings
from k3m_kg.demo.world import PROPERTIES
from k3m_kg.errors import K3MError
from k3m_kg.training.watching.observing import Silent

_PATIENCE_SECONDS = 0.5

Watch = Callable[[str, int, int, str], None]
"""Told of a stage: its name, how much is done, of how much, and a remark."""


def demo_config(
    snapshot: Path, output: Path, *, seed: int, epochs: int, knowledge: bool
) -> RunConfig:
    """A K3M small enough for two cores and a few minutes.

    Without knowledge it is the same model with the same tasks, but no triple is ever shown to it,
    neither in training nor when it is asked.
    """
    never = {} if knowledge else dict.fromkeys(PROPERTIES, 0.0)
    data = {
        "snapshot": snapshot,
        "output": output,
        "image_encoder": {
            "name": "patch-vit",
            "size": 64,
            "patch": 16,
            "channels": [16, 32, 64, 96],
            "codebook": 32,
            "colours": 32,
            "shift": 4,
        },
        "text_encoder": {"name": "bert-wordpiece", "vocab_size": 1200, "layers": 1},
        "fusion": {"name": "hard-spl", "gates": "linear"},
        "tasks": [
            {"name": "mlm", "weight": 0.1, "products": 0.4},
            {"name": "mom", "weight": 0.1, "products": 0.4},
            {
                "name": "lpm",
                "scorer": {"name": "transe", "settings": {"p": 2, "power_norm": True}},
                "loss": "cross-entropy",
                "scale": 0.13,
                "questions": "leave-one-out",
                "cut_title": 0.9,
                "keep_title": 0.1,
                "shown": never,
            },
        ],
        "model": {
            "hidden": 96,
            "knowledge": "term",
            "pool": "modalities",
            "max_title_tokens": 16,
            "max_term_tokens": 3,
            "interactor": {"layers": 1},
        },
        "training": {
            "epochs": epochs,
            "batch_size": 16,
            "learning_rate": 2e-3,
            "weight_decay": 0.05,
            "warmup": 0.08,
            "schedule": "cosine",
            "ema": 0.98,
            "seed": seed,
            "threads": max(1, (os.cpu_count() or 2) // 2),
            "device": "cpu",
        },
        "validation": {"hide": list(never), "max_products": 50},
    }
    return validate_settings(RunConfig, data, "the demo's config")


def train_all(configs: dict[str, RunConfig], watch: Watch) -> None:
    """Train every config in a process of its own; returns when all are done.

    Raises:
        K3MError: one failed; the others are stopped.
    """
    context = multiprocessing.get_context("spawn")
    messages: Any = context.Queue()
    processes = {
        name: context.Process(
            target=_train, args=(name, config.model_dump(mode="json"), messages), daemon=True
        )
        for name, config in configs.items()
    }
    try:
        for process in processes.values():
            process.start()
        waiting = set(processes)
        while waiting:
            try:
                name, message = messages.get(timeout=_PATIENCE_SECONDS)
            except queue.Empty:
                for name in waiting:
                    if processes[name].exitcode not in (None, 0):
                        raise K3MError(
                            f"its process ended with code {processes[name].exitcode}", where=name
                        ) from None
                continue
            if message is None:
                waiting.discard(name)
            elif isinstance(message, Exception):
                raise message
            else:
                watch(*message)
        for process in processes.values():
            process.join()
    finally:
        for process in processes.values():
            if process.is_alive():
                process.terminate()


def _train(name: str, settings: dict[str, Any], messages: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, which ends this
    from k3m_kg.training.pretrain import pretrain

    try:
        pretrain(RunConfig.model_validate(settings), observer=_Observer(name, messages))
        messages.put((name, None))
    except K3MError as error:
        messages.put((name, error))


class _Observer(Silent):
    """A training run as stages of the demo."""

    def __init__(self, name: str, messages: Any) -> None:
        self._name = name
        self._messages = messages
        self._rate = 0.0
        self._accuracy = ""

    def stage(self, name: str, done: int, total: int) -> None:
        """Preparation went on."""
        self._messages.put((self._name, (f"{self._name}: {name}", done, total, "")))

    def step(self, step: int, total: int, losses: dict[str, float], rate: float) -> None:
        """A training step ended."""
        self._rate = 0.95 * (self._rate or rate) + 0.05 * rate
        info = f"{self._rate:.0f} products/s{self._accuracy}"
        self._messages.put((self._name, (self._name, step, total, info)))

    def epoch(self, epoch: int, validation: dict[str, Any]) -> None:
        """An epoch was validated."""
        right = validation["metrics"]["macro_hits@1"]
        self._accuracy = f", validation accuracy {100 * right:.0f} %"
