"""How far probabilities lie from shares of what is right."""

from __future__ import annotations

from typing import Any

import numpy as np

BINS = 15


def reliability(probability_Q: np.ndarray, right_Q: np.ndarray, bins: int = BINS) -> dict[str, Any]:
    """Expected calibration error of the best answers, with bins of equal mass.

    Returns:
        `ece`: the mean over the questions of |accuracy - mean probability| of their bin; `bins`:
        probability, accuracy and count of each.
    """
    order = np.argsort(probability_Q, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    found = [
        {
            "probability": float(probability_Q[part].mean()),
            "accuracy": float(right_Q[part].mean()),
            "count": len(part),
        }
        for part in parts
    ]
    error = sum(row["count"] * abs(row["accuracy"] - row["probability"]) for row in found)
    return {"ece": error / len(order) if len(order) else float("nan"), "bins": found}
