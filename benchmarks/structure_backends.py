"""Structure aggregation: torch segment operations against DGL, forward and backward.

256 star graphs with the skew of a real catalog, leave-one-out questions, H = 128, 8 heads. Runs
alternate, so that a noisy machine hits both alike; the ratio of medians is what to quote.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
import torch

from k3m_kg_structures.star_attention import StarAttention

PRODUCTS, HIDDEN, HEADS, ROUNDS = 256, 128, 8, 15


def stars() -> dict[str, torch.Tensor]:
    counts = np.random.default_rng(0).zipf(1.7, PRODUCTS).clip(1, 100) + 3
    product_E = np.repeat(np.arange(PRODUCTS), counts)
    query, triple = [], []
    for asked, product in enumerate(product_E):
        others = np.flatnonzero(product_E == product)
        others = others[others != asked]
        query.append(np.full(len(others), asked))
        triple.append(others)
    count = len(product_E)
    torch.manual_seed(0)
    return {
        "c_BH": torch.randn(PRODUCTS, HIDDEN, requires_grad=True),
        "p_EH": torch.randn(count, HIDDEN, requires_grad=True),
        "v_EH": torch.randn(count, HIDDEN, requires_grad=True),
        "product_E": torch.from_numpy(product_E),
        "query_N": torch.from_numpy(np.concatenate(query)),
        "triple_N": torch.from_numpy(np.concatenate(triple)),
    }


def step(layer: StarAttention, x: dict[str, torch.Tensor]) -> float:
    start = time.perf_counter()
    messages = layer.messages(x["c_BH"], x["product_E"], x["p_EH"], x["v_EH"])
    out = layer(x["c_BH"][x["product_E"]], messages, x["query_N"], x["triple_N"])
    out.sum().backward()
    return time.perf_counter() - start


def main() -> None:
    x = stars()
    layers = {name: StarAttention(HIDDEN, HEADS, name) for name in ("torch", "dgl")}
    times: dict[str, list[float]] = {name: [] for name in layers}
    for _ in range(ROUNDS + 2):
        for name, layer in layers.items():
            times[name].append(step(layer, x))
    median = {name: 1000 * statistics.median(values[2:]) for name, values in times.items()}
    edges = len(x["query_N"])
    print(f"{PRODUCTS} products, {len(x['product_E'])} questions, {edges} pairs, H {HIDDEN}")
    print(f"torch {median['torch']:.1f} ms, dgl {median['dgl']:.1f} ms")
    print(f"dgl / torch {median['dgl'] / median['torch']:.2f}")


if __name__ == "__main__":
    main()
