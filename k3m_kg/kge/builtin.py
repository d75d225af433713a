"""Embedding artifacts as a plugin record: opened by their manifest, as a stranger's are.

Importing this module imports no torch; the factory does.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from k3m_kg.kge.layout import MANIFEST
from k3m_kg.plugin.hookspecs import LinkPredictorPlugin, hookimpl

if TYPE_CHECKING:
    import torch

    from k3m_kg.contracts import TrainedPredictor


def _open(path: Path, device: torch.device) -> TrainedPredictor:
    from k3m_kg.kge.trained import open_kge

    return open_kge(path, device)


@hookimpl
def k3m_kg_link_predictors() -> list[LinkPredictorPlugin]:
    """The artifacts of `k3m-kg kge train` on a snapshot."""
    summary = "artifacts of `k3m-kg kge train`"
    return [LinkPredictorPlugin("kge", summary, MANIFEST, _open, requires=("torch", "pykeen"))]
