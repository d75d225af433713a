"""Opens a trained artifact of any installed kind, by the manifest that its folder holds."""

from __future__ import annotations

from pathlib import Path

import torch

from k3m_kg.contracts import TrainedPredictor
from k3m_kg.errors import ArtifactError, PluginError
from k3m_kg.files import beside
from k3m_kg.plugin.discovery import Installed
from k3m_kg.plugin.hookspecs import LinkPredictorPlugin
from k3m_kg.plugin.registry import registry


def open_trained(path: Path, device: torch.device) -> TrainedPredictor:
    """Open an artifact by the manifest that its folder holds.

    Raises:
        ArtifactError: missing, damaged, newer, or of no known kind or of several.
        PluginError: a plugin opened something else than a `TrainedPredictor`.
        UsageError: it cannot be used on products.
    """
    item, record = _kind_of(path)
    found = record.factory(path, device)
    if not isinstance(found, TrainedPredictor):
        raise PluginError(
            f"the link-predictor {record.name!r} opened something else than a TrainedPredictor",
            where=f"{item.package} {item.version}",
        )
    return found


def _kind_of(path: Path) -> tuple[Installed, LinkPredictorPlugin]:
    """The kind of artifact that a folder is."""
    kinds: list[tuple[Installed, LinkPredictorPlugin]] = []
    for item in registry().installed(LinkPredictorPlugin.kind):
        assert isinstance(item.record, LinkPredictorPlugin)
        kinds.append((item, item.record))
    found = [(item, record) for item, record in kinds if (path / record.manifest).is_file()]
    if len(found) > 1:
        names = " and ".join(record.manifest for _, record in found)
        raise ArtifactError(
            f"holds {names}: it cannot be artifacts of two kinds",
            where=str(path),
            hint="remove the one that is of no use",
        )
    if not found:
        what = "this is no artifact" if path.exists() else "no such artifact"
        raise ArtifactError(what, where=str(path), hint=_advice(path, [kind for _, kind in kinds]))
    return found[0]


def _advice(path: Path, kinds: list[LinkPredictorPlugin]) -> str:
    """What to do about a folder that no kind of artifact knows."""
    if (beside(path, ".run") / "checkpoint").exists():
        return "its training has not ended: the same command with --resume goes on"
    known = ", ".join(f"{record.manifest} ({record.summary})" for record in kinds)
    broken = "; ".join(map(str, registry().failures))
    return f"an artifact is a folder with one of {known}" + (f"; {broken}" if broken else "")
