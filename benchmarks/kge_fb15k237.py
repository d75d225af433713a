"""`kge train` from a config, to the filtered MRR on test, beside the speed of PyKEEN's own loop.

PyKEEN trains the same interaction, dimension, batch and negatives for some seconds on the same
device: only its rate is taken. It draws negatives for each triple; ours share them as the config
says, which is what makes a matrix product of them.

    python -m benchmarks kge_fb15k237 examples/fb15k237/rotate.yaml
    python -m benchmarks kge_fb15k237 examples/fb15k237/rotate.yaml --set training.device=cuda
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks._figures import add_out, tell
from benchmarks.kge_training import pykeens_model
from k3m_kg.config import load_config
from k3m_kg.engine.device import pick_device
from k3m_kg.kge.data import TripleData, load_data
from k3m_kg.kge.settings import KgeConfig
from k3m_kg.kge.training import train
from k3m_kg.manifests import read_json


class Watch:
    """Says how a training goes."""

    def __init__(self) -> None:
        self.start = time.monotonic()

    def step(self, done: int, total: int, loss: float, rate: float) -> None:
        """Nothing: an epoch is soon over."""

    def validation(self, epoch: int, metrics: dict[str, float]) -> None:
        """One line."""
        seconds = time.monotonic() - self.start
        print(f"epoch {epoch}: validation MRR {metrics['mrr']:.4f}, {seconds:.0f} s", flush=True)


def pykeens_rate(config: KgeConfig, data: TripleData, seconds: float) -> float:
    """Positives/s of PyKEEN's sLCWA loop, over whole epochs of a part of the triples."""
    from pykeen.training import SLCWATrainingLoop
    from pykeen.triples import CoreTriplesFactory

    device = pick_device(config.training.device)
    options = argparse.Namespace(
        dimension=config.dimension,
        rate=config.training.learning_rate,
        negatives=config.negatives.count,
        batch=config.training.batch_size,
    )
    model = pykeens_model(config.model.name, data, options).to(device)
    triples = torch.from_numpy(data.train[: 8 * options.batch])
    factory = CoreTriplesFactory(triples, len(data.entities), len(data.relations))
    loop = SLCWATrainingLoop(
        model=model,
        triples_factory=factory,
        optimizer=torch.optim.Adam(model.parameters(), lr=options.rate),
        negative_sampler_kwargs={"num_negs_per_pos": options.negatives},
    )
    done, start = 0, 0.0
    while not start or time.perf_counter() - start < seconds:
        loop.train(
            factory, num_epochs=1, batch_size=options.batch, use_tqdm=False, use_tqdm_batch=False
        )
        if device.type == "cuda":
            torch.cuda.synchronize()
        if not start:  # the first epoch prepares
            start = time.perf_counter()
        else:
            done += len(triples)
    return done / (time.perf_counter() - start)


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE of the config")
    parser.add_argument("--pykeen", type=float, default=10, metavar="SECONDS", help="0: not at all")
    add_out(parser)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "artifact"
        config = load_config(KgeConfig, options.config, [*options.set, f"output={output}"])
        data = load_data(config)
        theirs = pykeens_rate(config, data, options.pykeen) if options.pykeen else 0.0
        watch = Watch()
        train(config, observer=watch)
        metrics: dict[str, Any] = read_json(output / "metrics.json")
    tested = metrics["test"]["metrics"]
    ours = len(data.train) * metrics["epochs"] / max(1e-9, metrics["seconds"])
    figures = {
        "benchmark": "kge_fb15k237",
        "config": options.config.name,
        "set": options.set,
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
        "epochs": metrics["epochs"],
        "best_epoch": metrics["best_epoch"],
        "seconds": metrics["seconds"],
        "positives_per_s": round(ours),
        "pykeen_positives_per_s": round(theirs),
        **{f"test_{key}": round(tested[key], 4) for key in ("mrr", "hits@1", "hits@10")},
    }
    tell(figures, options.out)


if __name__ == "__main__":
    main()
