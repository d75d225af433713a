"""K3M's artifacts as a plugin record: opened by their manifest, as a stranger's are.

Importing this module imports no torch; the factory does.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from k3m_kg.plugin.hookspecs import LinkPredictorPlugin, hookimpl
from k3m_kg.training.artifact.layout import MANIFEST

if TYPE_CHECKING:
    import torch

    from k3m_kg.contracts import TrainedPredictor


def _open(path: Path, device: torch.device) -> TrainedPredictor:
    from k3m_kg.training.artifact.trained import open_k3m

    return open_k3m(path, device)


@hookimpl
def k3m_kg_link_predictors() -> list[LinkPredictorPlugin]:
    """The artifacts of `k3m-kg pretrain`."""
    summary = "artifacts of `k3m-kg pretrain`"
    return [LinkPredictorPlugin("k3m", summary, MANIFEST, _open, requires=("torch",))]
