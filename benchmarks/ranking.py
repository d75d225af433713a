"""Filtered ranking of test triples: ours against PyKEEN's evaluator, the same vectors, one thread.

Each runs in a process of its own, so that its peak memory is its own. Both rank head and tail of
the same triples of FB15k-237 with the same interaction over the same random vectors. Time is the
processor's, of one thread, so that other jobs on the machine change little.

    python -m benchmarks ranking --data ../shared/data/fb15k237 --triples 2000
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from k3m_kg.kge.data import from_files
from k3m_kg.kge.settings import DataSettings
from k3m_kg.lpm.triple_ranks import SIDES, TripleVectors, rank_triples
from k3m_kg.scorers.build import build_scorer
from k3m_kg.scorers.settings import INTERACTIONS

PYKEENS = {
    "mrr": "inverse_harmonic_mean_rank",
    "mr": "arithmetic_mean_rank",
    "amr": "adjusted_arithmetic_mean_rank",
    "amri": "adjusted_arithmetic_mean_rank_index",
    "hits@1": "hits_at_1",
    "hits@3": "hits_at_3",
    "hits@10": "hits_at_10",
}
KINDS = ("realistic", "optimistic", "pessimistic")


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def keys(found: Any) -> dict[str, float]:
    return {
        f"{side}.{kind}.{name}": found(side, kind, name)
        for side in (*SIDES, "both")
        for kind in KINDS
        for name in PYKEENS
        if kind == "realistic" or not name.startswith("amr")
    }


def ours(vectors: TripleVectors, asked: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    start = time.process_time()
    ranks = rank_triples(vectors, asked, truth)
    tables = {(s, k): ranks.metrics(s, k) for s in (*SIDES, "both") for k in KINDS}
    seconds = time.process_time() - start
    return {"seconds": seconds, "metrics": keys(lambda s, k, n: tables[s, k][n])}


def pykeens(
    name: str, vectors: TripleVectors, asked: np.ndarray, truth: np.ndarray
) -> dict[str, Any]:
    from pykeen.evaluation import RankBasedEvaluator
    from pykeen.models import ERModel
    from pykeen.triples import CoreTriplesFactory

    entities, relations = len(vectors.entities_EH), len(vectors.relations_RH)
    is_complex = name in ("complex", "rotate")
    width = vectors.entities_EH.shape[1] // (1 + is_complex)
    shape = {"shape": width, "dtype": torch.cfloat if is_complex else None}
    interaction: Any = vectors.scorer.interaction
    model = ERModel(
        triples_factory=CoreTriplesFactory(torch.from_numpy(truth), entities, relations),
        interaction=interaction,
        entity_representations_kwargs=shape,
        relation_representations_kwargs=shape,
    ).eval()
    relation_RH = vectors.relations_RH
    if name == "rotate":
        pairs = relation_RH.view(relations, -1, 2)
        relation_RH = (pairs / pairs.norm(dim=-1, keepdim=True)).flatten(1)
    with torch.no_grad():
        for held, table in (
            (model.entity_representations, vectors.entities_EH),
            (model.relation_representations, relation_RH),
        ):
            weight = held[0]._embeddings.weight
            weight.copy_(table.view(weight.shape))
    before = peak()
    start = time.process_time()
    results = RankBasedEvaluator().evaluate(
        model,
        torch.from_numpy(asked),
        additional_filter_triples=torch.from_numpy(truth),
        batch_size=32,
        use_tqdm=False,
    )
    seconds = time.process_time() - start
    metrics = keys(lambda s, k, n: results.get_metric(f"{s}.{k}.{PYKEENS[n]}"))
    return {"seconds": seconds, "metrics": metrics, "before": before}


def one(arguments: argparse.Namespace, who: str, name: str) -> dict[str, Any]:
    torch.set_num_threads(1)
    data = from_files(DataSettings(folder=arguments.data))
    generator = torch.Generator().manual_seed(0)
    scorer = build_scorer(name, INTERACTIONS[name].config(), arguments.dimension).eval()
    vectors = TripleVectors(
        scorer,
        torch.randn(len(data.entities), scorer.entity_width, generator=generator),
        torch.randn(len(data.relations), scorer.relation_width, generator=generator),
    )
    asked = data.test[:: max(1, len(data.test) // (arguments.triples or len(data.test)))]
    before = peak()
    if who == "ours":
        found = ours(vectors, asked, data.truth)
    else:
        found = pykeens(name, vectors, asked, data.truth)
    memory = peak() - found.pop("before", before)
    return {**found, "memory": memory, "triples": len(asked)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/fb15k237"))
    parser.add_argument("--triples", type=int, default=2000, help="0 for all test triples")
    parser.add_argument("--dimension", type=int, default=64)
    parser.add_argument("--models", nargs="+", default=["transe", "distmult", "complex", "rotate"])
    parser.add_argument("--only", nargs=2, metavar=("WHO", "MODEL"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(one(arguments, *arguments.only)))
        return
    print(
        f"{'model':10} {'triples/s':>20} {'times':>6} {'MB more than before':>24} "
        f"{'largest difference':>20}"
    )
    for name in arguments.models:
        found = {}
        for who in ("ours", "pykeen"):
            command = [sys.executable, "-m", "benchmarks", "ranking", *sys.argv[1:]]
            done = subprocess.run(
                [*command, "--only", who, name], capture_output=True, text=True, check=True
            )
            found[who] = json.loads(done.stdout.strip().splitlines()[-1])
        a, b = found["ours"], found["pykeen"]
        worst = max(
            abs(a["metrics"][key] - b["metrics"][key]) / max(1.0, abs(b["metrics"][key]))
            for key in a["metrics"]
        )
        rates = [row["triples"] / row["seconds"] for row in (a, b)]
        print(
            f"{name:10} {rates[0]:10.0f} {rates[1]:9.0f} {rates[0] / rates[1]:6.1f} "
            f"{a['memory']:12.0f} {b['memory']:11.0f} {worst:20.1e}",
            flush=True,
        )


if __name__ == "__main__":
    main()
