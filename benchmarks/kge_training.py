"""Training of TransE, DistMult, ComplEx, RotatE: our loop against PyKEEN's, one thread.

Same interaction, dimension, batch, negatives per positive, loss, Adam, rate and initial vectors, no
constraint but RotatE's. PyKEEN draws negatives for each triple; ours does so too (`shared 1`) or
lets 4 or 16 triples share them: so many triples see the same 32 wrong answers, and fewer different
ones are seen in an epoch. Whether that harms is what the MRR
columns say. Ours writes only rows that were touched, with the moves they missed, PyKEEN the table.

Speed: 60 batches of FB15k-237, all 14,505 entities in the tables, median of the rounds, in turn, by
the processor's time of one thread, so that other jobs on the machine change little.
Quality: the graph of the most frequent entities, several seeds, ranked by the same evaluator.

    python -m benchmarks kge_training --data ../shared/data/fb15k237 --quality 3
"""

from __future__ import annotations

import argparse
import logging
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from k3m_kg.config import Component
from k3m_kg.contracts import LinkLoss, SamplerContext
from k3m_kg.kge.data import TripleData, from_files
from k3m_kg.kge.model import KgeModel
from k3m_kg.kge.settings import DataSettings, KgeTraining
from k3m_kg.kge.steps import Stepper
from k3m_kg.lpm.entity_negatives import EntityNegatives
from k3m_kg.lpm.negative_samplers import UniformSampler
from k3m_kg.lpm.triple_ranks import TripleVectors, rank_triples
from k3m_kg.plugin.hookspecs import LinkLossPlugin
from k3m_kg.plugin.registry import registry
from k3m_kg.scorers.build import build_scorer
from k3m_kg.scorers.settings import INTERACTIONS

MODELS = ("transe", "distmult", "complex", "rotate")
LOSS = {"transe": "nssa", "rotate": "nssa", "distmult": "cross-entropy", "complex": "cross-entropy"}
MARGIN = 3.0
SHARED = (1, 4, 16)


def loss_of(name: str) -> LinkLoss:
    settings = {"margin": MARGIN} if LOSS[name] == "nssa" else {}
    component = Component(name=LOSS[name], settings=settings)
    record = registry().get(LinkLossPlugin, LOSS[name])
    return record.factory(registry().settings("link-loss", component, "loss"))


def pykeens_model(name: str, data: TripleData, arguments: argparse.Namespace) -> Any:
    from pykeen.losses import InfoNCELoss, NSSALoss
    from pykeen.models import ERModel
    from pykeen.nn.init import xavier_uniform_
    from pykeen.triples import CoreTriplesFactory
    from pykeen.utils import complex_normalize

    is_complex = name in ("complex", "rotate")
    shape: dict[str, Any] = {
        "shape": arguments.dimension,
        "dtype": torch.cfloat if is_complex else None,
        "initializer": xavier_uniform_,
    }
    constrained = {"constrainer": complex_normalize} if name == "rotate" else {}
    loss: Any = NSSALoss(margin=MARGIN)
    if LOSS[name] == "cross-entropy":
        loss = InfoNCELoss(margin=0.0, log_adversarial_temperature=0.0)
    settings = INTERACTIONS[name].config()
    interaction: Any = build_scorer(name, settings, arguments.dimension).interaction
    triples = torch.from_numpy(data.train)
    return ERModel(
        triples_factory=CoreTriplesFactory(triples, len(data.entities), len(data.relations)),
        interaction=interaction,
        entity_representations_kwargs=shape,
        relation_representations_kwargs=shape | constrained,
        loss=loss,
    )


def tables(model: Any) -> list[torch.Tensor]:
    held = (model.entity_representations[0], model.relation_representations[0])
    weights = [part._embeddings.weight.detach() for part in held]
    return [weight.reshape(len(weight), -1).clone() for weight in weights]


def train_pykeen(model: Any, data: TripleData, arguments: argparse.Namespace, epochs: int) -> float:
    from pykeen.training import SLCWATrainingLoop
    from pykeen.triples import CoreTriplesFactory

    factory = CoreTriplesFactory(
        torch.from_numpy(data.train), len(data.entities), len(data.relations)
    )
    loop = SLCWATrainingLoop(
        model=model,
        triples_factory=factory,
        optimizer=torch.optim.Adam(model.parameters(), lr=arguments.rate),
        negative_sampler_kwargs={"num_negs_per_pos": arguments.negatives},
    )
    start = time.process_time()
    loop.train(
        factory,
        num_epochs=epochs,
        batch_size=arguments.batch,
        use_tqdm=False,
        use_tqdm_batch=False,
    )
    return epochs * len(data.train) / (time.process_time() - start)


def train_ours(
    name: str,
    start_from: list[torch.Tensor],
    data: TripleData,
    arguments: argparse.Namespace,
    epochs: int,
    shared: int,
    seed: int = 0,
) -> tuple[float, KgeModel]:
    entity, relation = (table.clone() for table in start_from)
    scorer = build_scorer(name, INTERACTIONS[name].config(), arguments.dimension)
    model = KgeModel(
        scorer,
        entity,
        relation,
        relation_count=len(relation),
        width=entity.shape[1],
        optimizer="adam",
        learning_rate=arguments.rate,
    )
    sizes = (len(entity), len(relation))
    sampler = UniformSampler(SamplerContext(data.train, *sizes, arguments.negatives))
    negatives = EntityNegatives(sampler, *sizes)
    settings = KgeTraining(learning_rate=arguments.rate)
    stepper = Stepper(model, negatives, loss_of(name), settings, shared)
    generator = torch.Generator().manual_seed(seed)
    triples = torch.from_numpy(data.train)
    start = time.process_time()
    count = len(triples) // shared * shared
    for _ in range(epochs):
        order = torch.randperm(len(triples), generator=generator)[:count]
        for part in order.split(arguments.batch):
            stepper.step(triples[part], generator)
    return epochs * count / (time.process_time() - start), model


def mrr(vectors: TripleVectors, data: TripleData) -> float:
    return rank_triples(vectors, data.test, data.truth).of("both").metrics()["mrr"]


def frequent(data: TripleData, entities: int) -> TripleData:
    """The triples between the most frequent entities."""
    counts = np.bincount(data.train[:, [0, 2]].ravel(), minlength=len(data.entities))
    kept = np.sort(np.argsort(-counts, kind="stable")[:entities])
    place = np.full(len(data.entities), -1)
    place[kept] = np.arange(len(kept))
    parts = []
    for part in (data.train, data.validation, data.test):
        moved = np.stack([place[part[:, 0]], part[:, 1], place[part[:, 2]]], axis=1)
        parts.append(moved[(moved >= 0).all(1)])
    return TripleData([data.entities[e] for e in kept], data.relations, *parts)


def speed(data: TripleData, arguments: argparse.Namespace) -> None:
    few = TripleData(
        data.entities,
        data.relations,
        np.random.default_rng(0).permutation(data.train)[: 60 * arguments.batch],
        data.validation,
        data.test,
    )
    heads = " ".join(f"{f'shared {size}':>10} {'times':>6}" for size in arguments.shared)
    print(f"{'positives/s':11} {'PyKEEN':>10} {heads}")
    for name in arguments.models:
        rates: dict[str, list[float]] = {"pykeen": [], **{str(s): [] for s in arguments.shared}}
        for _ in range(arguments.rounds):
            torch.manual_seed(0)
            model = pykeens_model(name, few, arguments)
            start_from = tables(model)
            rates["pykeen"].append(train_pykeen(model, few, arguments, 1))
            for shared in arguments.shared:
                rate, _ = train_ours(name, start_from, few, arguments, 1, shared)
                rates[str(shared)].append(rate)
        base, *others = (statistics.median(values) for values in rates.values())
        shown = " ".join(f"{rate:10.0f} {rate / base:6.1f}" for rate in others)
        print(f"{name:11} {base:10.0f} {shown}", flush=True)


def quality(data: TripleData, arguments: argparse.Namespace) -> None:
    few = frequent(data, arguments.entities)
    print(
        f"test MRR, {arguments.quality} seeds, {arguments.epochs} epochs, {len(few.entities)} "
        f"entities, {len(few.train)} training and {len(few.test)} test triples"
    )
    print(
        f"{'':10} {'PyKEEN':>16} "
        + " ".join(f"{f'shared {size}':>16}" for size in arguments.shared)
    )
    for name in arguments.models:
        found: dict[str, list[float]] = {"pykeen": [], **{str(s): [] for s in arguments.shared}}
        for seed in range(arguments.quality):
            torch.manual_seed(seed)
            model = pykeens_model(name, few, arguments)
            start_from = tables(model)
            train_pykeen(model, few, arguments, arguments.epochs)
            scorer = build_scorer(name, INTERACTIONS[name].config(), arguments.dimension).eval()
            found["pykeen"].append(mrr(TripleVectors(scorer, *tables(model)), few))
            for shared in arguments.shared:
                _, ours = train_ours(
                    name, start_from, few, arguments, arguments.epochs, shared, seed
                )
                found[str(shared)].append(mrr(ours.eval().vectors(), few))
        shown = [f"{np.mean(v):.4f} +- {np.std(v):.4f}" for v in found.values()]
        print(f"{name:10} " + " ".join(f"{text:>16}" for text in shown), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/fb15k237"))
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--dimension", type=int, default=64)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--negatives", type=int, default=32)
    parser.add_argument("--rate", type=float, default=0.005)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quality", type=int, default=0, metavar="SEEDS")
    parser.add_argument("--shared", nargs="+", type=int, default=list(SHARED))
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--entities", type=int, default=1000)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    data = from_files(DataSettings(folder=arguments.data))
    if arguments.rounds:
        speed(data, arguments)
    if arguments.quality:
        quality(data, arguments)


if __name__ == "__main__":
    main()
