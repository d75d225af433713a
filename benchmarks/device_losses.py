"""The same training on two devices and in two precisions: do the losses go the same way?

A generated catalog (`k3m-kg demo` makes it), the demo's model, the default one, and the one that
`pretrain` chooses by itself; a generated graph for `kge train`. Each is trained for some steps from
the same seed. What is random beside the order of the products is drawn from other numbers on
another device: losses agree on the mean of the last steps, not step by step.

    python -m benchmarks device_losses --devices cpu cuda --precisions fp32 bf16 --steps 200
    python -m benchmarks device_losses --models chosen robust stream --devices cuda --use chosen

`robust` and `stream` have what `chosen` lacks: other interactors and fusions, training for what is
wrong or missing, knowledge as text. The models that `--use` names work too when they are trained,
on their device and on the CPU: `embed`, `complete`, `classify`, `audit` and `evaluate`, with how
far their answers are apart.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from typer.testing import CliRunner

from benchmarks._figures import add_out, tell
from k3m_kg.cli.app import app
from k3m_kg.config import RunConfig, validate_settings
from k3m_kg.demo.generator import generate
from k3m_kg.demo.training import demo_config
from k3m_kg.graph.store import GraphStore
from k3m_kg.ingest.options import IngestOptions
from k3m_kg.ingest.pipeline import ingest
from k3m_kg.ingest.quarantine import Quarantine
from k3m_kg.kge.settings import KgeConfig
from k3m_kg.kge.training import train
from k3m_kg.plugin.registry import registry
from k3m_kg.snapshot import Snapshot, SnapshotSettings, build_snapshot
from k3m_kg.training.pretrain import pretrain
from k3m_kg.training.recipe import Shape, recipe

_HIDDEN = {"name": "lpm", "loss": "cross-entropy", "gate": "relation", "experts": 2}
_ROBUST: dict[str, Any] = {
    "fusion": {"name": "experts", "experts": 2},
    "model": {"knowledge": "term", "interactor": {"name": "cross-modality", "layers": 1}},
    "tasks": [
        {**_HIDDEN, "questions": "leave-one-out"},
        {"name": "modality-noise", "noise": 0.4, "swap": 0.4},
        "contrastive",
    ],
}
_STREAM: dict[str, Any] = {
    "fusion": "interactive-only",
    "modalities": ["title", {"name": "knowledge", "max_tokens": 24}, "image"],
    "model": {
        "knowledge": "term",
        "interactor": {"name": "single-stream", "layers": 1},
        "structure": "none",
    },
    "tasks": [{"name": "mlm", "others": ["knowledge"]}, {**_HIDDEN, "probe": True}],
}


@dataclass
class Losses:
    """What a training said."""

    losses: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)

    def stage(self, *_: Any) -> None:
        """Nothing."""

    def planned(self, *_: Any) -> None:
        """Nothing."""

    def step(self, _: int, __: int, losses: Any, rate: float) -> None:
        """Keep the loss."""
        self.losses.append(losses["loss"] if isinstance(losses, dict) else losses)
        self.rates.append(rate)

    def speed(self, _: dict[str, float]) -> None:
        """Nothing."""

    def epoch(self, _: int, validation: dict[str, Any]) -> None:
        """Keep the score."""
        self.scores.append(validation.get("metrics", validation).get("macro_mrr", float("nan")))

    def validation(self, _: int, metrics: dict[str, float]) -> None:
        """Keep the score."""
        self.scores.append(metrics["mrr"])


def make_snapshot(folder: Path, products: int) -> Snapshot:
    """A cut of a generated catalog."""
    made = generate(folder / "catalog", products)
    store, _ = GraphStore.create(f"sqlite:///{folder / 'graph.db'}")
    options = IngestOptions("csv", made.mapping, made.images)
    with store, Quarantine(folder / "quarantine.jsonl") as rejected:
        ingest(store, [made.catalog], options, quarantine=rejected)
        settings = SnapshotSettings(holdout=0, image_size=96)
        return build_snapshot(store, folder / "snapshots", settings).snapshot


def pretrainings(snapshot: Snapshot, steps: int, batch: int) -> dict[str, RunConfig]:
    """The models that are tried: all that they have in common is how long they learn."""
    output = Path("unused")
    epochs = max(1, round(steps * batch / len(snapshot.rows("train"))))

    def installed(kind: str, name: str) -> bool:
        return not registry().find(kind, name).lacks

    chosen = recipe(Shape.of(snapshot), installed, snapshot=snapshot.path, output=output)
    demo = demo_config(snapshot.path, output, seed=0, epochs=epochs, knowledge=True)
    bare = {"snapshot": str(snapshot.path), "output": str(output)}
    found = {
        "demo": demo.model_dump(mode="json"),
        "default": bare,
        "chosen": chosen.settings,
        "robust": {**bare, **_ROBUST},
        "stream": {**bare, **_STREAM},
    }
    common = {"epochs": epochs, "batch_size": batch, "schedule": "cosine", "threads": 1}
    for settings in found.values():
        settings["training"] = {**settings.get("training", {}), **common}
    return {name: validate_settings(RunConfig, data, name) for name, data in found.items()}


def kge_config(folder: Path, steps: int, batch: int) -> KgeConfig:
    """RotatE on a graph of random rules: t is where h is moved by r, on a ring."""
    random = np.random.default_rng(0)
    size, count = 500, 800 + min(7200, max(400, steps * batch))
    heads, relations = random.integers(size, size=count), random.integers(10, size=count)
    tails = (heads + 17 * relations + random.integers(3, size=count)) % size
    lines = [f"e{h}\tr{r}\te{t}\n" for h, r, t in zip(heads, relations, tails, strict=True)]
    folder.mkdir()
    for name, part in (
        ("train", slice(800, None)),
        ("valid", slice(400)),
        ("test", slice(400, 800)),
    ):
        (folder / f"{name}.tsv").write_text("".join(lines[part]), encoding="utf-8")
    epochs = max(1, round(steps * batch / (count - 800)))
    training = {"epochs": epochs, "batch_size": batch, "threads": 1, "learning_rate": 0.01}
    return validate_settings(
        KgeConfig,
        {
            "triples": {"folder": str(folder)},
            "output": "unused",
            "loss": {"name": "nssa", "margin": 3},
            "training": {**training, "validate_every": epochs},
        },
        "kge",
    )


def used(artifact: Path, device: str) -> dict[str, Any]:
    """What a model does with all products of its snapshot, there and on the CPU."""
    commands = {
        "embed": ["embed", str(artifact), "--split", "test"],
        "complete": ["complete", str(artifact), "--all", "--split", "test", "--json"],
        "classify": ["classify", str(artifact), "--split", "test", "--json"],
        "audit": ["audit", str(artifact), "--json"],
        "evaluate": ["evaluate", str(artifact), "--no-baselines", "--json"],
    }
    found: dict[str, Any] = {}
    for name, words in commands.items():
        answers, seconds = [], []
        for place in dict.fromkeys(("cpu", device)):
            out = artifact.parent / f"{name}-{place}.parquet"
            more = [str(out)] if name == "embed" else []
            start = time.monotonic()
            result = CliRunner().invoke(app, [*words, *more, "--device", place])
            seconds.append(round(time.monotonic() - start, 2))
            if result.exit_code:
                found[name] = f"failed there: {place}: {result.output[-300:]}"
                break
            answers.append(_numbers(out if name == "embed" else result.stdout))
        else:
            here, there = answers[0], answers[-1]
            same = len(here) == len(there)
            apart = float(np.abs(np.subtract(here, there)).max(initial=0)) if same else None
            found[name] = {"seconds": seconds, "numbers": len(here), "apart": apart}
    return found


def _numbers(answer: Path | str) -> list[float]:
    """Vectors in order; of what else was answered every number with a fraction, ascending."""
    if isinstance(answer, Path):
        return [x for row in pq.read_table(answer)["vector"].to_pylist() for x in row]
    said = json.loads(answer)
    waiting, found = [said.get("metrics", said) if isinstance(said, dict) else said], []
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
        elif isinstance(item, float):
            found.append(item)
    return sorted(found)


def measure(
    name: str,
    config: RunConfig | KgeConfig,
    device: str,
    precision: str,
    seed: int,
    *,
    use: bool = False,
) -> dict[str, Any]:
    """Train once."""
    watch = Losses()
    with tempfile.TemporaryDirectory() as folder:
        changes = {"device": device, "seed": seed}
        if isinstance(config, RunConfig):
            changes["precision"] = precision
        training = config.training.model_copy(update=changes)
        config = config.model_copy(
            update={"training": training, "output": Path(folder) / "artifact"}
        )
        start = time.monotonic()
        if isinstance(config, RunConfig):
            pretrain(config, observer=watch)
        else:
            train(config, observer=watch)
        seconds = time.monotonic() - start
        use = use and isinstance(config, RunConfig)
        works = {"used": used(config.output, device)} if use else {}
    tenth = max(1, len(watch.losses) // 10)
    return {
        "benchmark": "device_losses",
        "model": name,
        "device": device,
        "precision": precision,
        "seed": seed,
        "steps": len(watch.losses),
        "first_losses": [round(value, 4) for value in watch.losses[:3]],
        "loss_at_the_start": round(statistics.mean(watch.losses[:tenth]), 4),
        "loss_at_the_end": round(statistics.mean(watch.losses[-tenth:]), 4),
        "validation_mrr": [round(value, 4) for value in watch.scores][-1:],
        "seconds": round(seconds, 1),
        **works,
    }


def main() -> None:
    """Print one line for each training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", nargs="+", default=["cpu"])
    parser.add_argument("--precisions", nargs="+", default=["fp32"], choices=["fp32", "bf16"])
    parser.add_argument("--models", nargs="+", default=["kge", "demo", "default", "chosen"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--products", type=int, default=800)
    parser.add_argument("--use", nargs="*", default=[], help="models that work, too")
    add_out(parser)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        snapshot = make_snapshot(folder, options.products)
        tried: dict[str, RunConfig | KgeConfig] = {
            "kge": kge_config(folder / "kge", options.steps, options.batch),
            **pretrainings(snapshot, options.steps, options.batch),
        }
        for model in options.models:
            for device in options.devices:
                for precision in options.precisions if model != "kge" else ["fp32"]:
                    for seed in options.seeds:
                        config = tried[model]
                        use = model in options.use
                        found = measure(model, config, device, precision, seed, use=use)
                        tell(found, options.out)


if __name__ == "__main__":
    main()
