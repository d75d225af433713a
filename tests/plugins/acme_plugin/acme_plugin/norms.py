"""An evaluation: how long product vectors are."""

import numpy as np

from k3m_kg.api import Evaluation


class Norms(Evaluation):
    ranks = False

    def __init__(self, longest):
        self.longest = longest

    def run(self, opened, split, progress):
        norms = np.linalg.norm(opened.vectors(opened.rows(split)), axis=1)
        progress("measure", len(norms), len(norms))
        return {
            "metrics": {"mean": float(norms.mean()), "long": int((norms > self.longest).sum())},
        }
