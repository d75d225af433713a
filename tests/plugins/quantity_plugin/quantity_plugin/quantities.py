"""Reads quantities off a product's triples: a token each, of its size and its kind."""

import json
import math
import re

import numpy as np
import torch
from torch import nn

from k3m_kg.api import Modality, ModalityData, ModalityTokens, NamedTokens

_QUANTITY = re.compile(r"([0-9]+(?:[.][0-9]+)?) ?([A-Za-z]+)")


def quantity(text):
    """(number, unit), or None."""
    found = _QUANTITY.fullmatch(text)
    return (float(found[1]), found[2].lower()) if found else None


class QuantityData(ModalityData):
    def __init__(self, snapshot, most, kinds):
        self.kinds = kinds
        self.found = []
        for row in range(len(snapshot)):
            pairs = [pair for pair in snapshot.product(row).properties if quantity(pair[1])]
            self.found.append(pairs[:most])

    def has(self, rows):
        return np.array([bool(self.found[row]) for row in rows.tolist()], bool)

    def batch(self, rows, random=None):
        has_B = self.has(rows)
        product_I = np.flatnonzero(has_B)
        width = max(1, max((len(self.found[row]) for row in rows.tolist()), default=1))
        tokens_BN = np.zeros((len(rows), width), bool)
        sizes_IN = np.zeros((len(product_I), width), np.float32)
        kinds_IN = np.zeros((len(product_I), width), np.int64)
        for place, product in enumerate(product_I.tolist()):
            for number, (name, text) in enumerate(self.found[int(rows[product])]):
                size, unit = quantity(text)
                tokens_BN[product, number] = True
                sizes_IN[place, number] = math.log1p(size)
                kinds_IN[place, number] = self.kinds.get((name, unit), 0)
        return ModalityTokens(
            arrays={"sizes": torch.from_numpy(sizes_IN), "kinds": torch.from_numpy(kinds_IN)},
            product_I=torch.from_numpy(product_I),
            present_B=torch.from_numpy(has_B),
            tokens_BN=torch.from_numpy(tokens_BN),
        )

    def states(self, rows, tokens, product_E, triples_E):
        states_EN = np.zeros((len(triples_E), tokens.tokens_BN.shape[1]), bool)
        for triple, (product, pair) in enumerate(zip(product_E.tolist(), triples_E, strict=True)):
            for number, found in enumerate(self.found[int(rows[product])]):
                states_EN[triple, number] = found == pair
        return torch.from_numpy(states_EN)

    def named(self, row):
        return [
            NamedTokens(f"{name} {text}", (number,))
            for number, (name, text) in enumerate(self.found[row])
        ]


class Quantities(Modality):
    of_triples = True

    def __init__(self, most, hidden):
        super().__init__()
        self.most = most
        self.kinds = {}
        self.size = nn.Sequential(nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, hidden))
        self.kind = nn.Embedding(256, hidden)
        self.norm = nn.LayerNorm(hidden)

    def open(self, snapshot, progress=None):
        return QuantityData(snapshot, self.most, self.kinds)

    def fit(self, data, rows):
        kinds = sorted({(n, quantity(t)[1]) for r in rows.tolist() for n, t in data.found[r]})
        self.kinds.update({kind: 1 + place for place, kind in enumerate(kinds[:255])})

    def forward(self, arrays, tokens_IN, masked_IN=None):
        sizes_IN, kinds_IN = arrays["sizes"], arrays["kinds"]
        if masked_IN is not None:
            sizes_IN, kinds_IN = sizes_IN * ~masked_IN, kinds_IN * ~masked_IN
        return self.norm(self.size(sizes_IN[..., None] - 5) + self.kind(kinds_IN))

    def save_assets(self, folder):
        listed = [[name, unit, place] for (name, unit), place in self.kinds.items()]
        (folder / "kinds.json").write_text(json.dumps(listed), encoding="utf-8")

    def load_assets(self, folder):
        listed = json.loads((folder / "kinds.json").read_text(encoding="utf-8"))
        self.kinds.update({(name, unit): place for name, unit, place in listed})
