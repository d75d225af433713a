"""What evaluations found a model to be worth, kept beside its weights."""

from __future__ import annotations

from typing import Literal

from k3m_kg.config import Settings, validate_settings
from k3m_kg.contracts import TrainedPredictor, Verdict
from k3m_kg.errors import ArtifactError, ConfigError
from k3m_kg.files import whole_file
from k3m_kg.manifests import read_json, write_json

FILE = "verdict.json"


class KeptVerdict(Settings):
    """A verdict, and what it was found on.

    Attributes:
        snapshot: the id of the snapshot.
        verdict: what was found.
    """

    snapshot: str
    verdict: Verdict


class Verdicts(Settings):
    """What `verdict.json` holds.

    Attributes:
        weights: SHA-256 of the weights that were judged.
        kept: the newest of each task and split.
    """

    format: Literal[1] = 1
    weights: str
    kept: list[KeptVerdict]

    def said(self) -> list[Verdict]:
        """One verdict per task: on test where there is one."""
        found: dict[str, Verdict] = {}
        for item in sorted(self.kept, key=lambda item: item.verdict.split == "test"):
            found[item.verdict.what] = item.verdict
        return list(found.values())


def load_verdicts(trained: TrainedPredictor) -> Verdicts | None:
    """What was found of these weights; None where nothing was, or of others.

    Raises:
        ArtifactError: the file is damaged.
    """
    path = trained.path / FILE
    if not path.exists():
        return None
    try:
        found = validate_settings(Verdicts, read_json(path), str(path))
    except ConfigError as error:
        raise ArtifactError(
            f"is damaged: {error.message}",
            where=str(path),
            hint=f"`k3m-kg evaluate {trained.path}` writes it anew",
        ) from None
    return found if found.weights == trained.weights else None


def keep_verdict(trained: TrainedPredictor, snapshot: str, verdict: Verdict) -> None:
    """Keep a verdict beside the weights, in place of an older one of the same task and split.

    Raises:
        K3MError: the artifact's folder cannot be written.
    """
    try:
        before = load_verdicts(trained)
    except ArtifactError:  # damaged: this one is what is known now
        before = None
    others = [] if before is None else before.kept
    same = (verdict.what, verdict.split)
    kept = [item for item in others if (item.verdict.what, item.verdict.split) != same]
    kept.append(KeptVerdict(snapshot=snapshot, verdict=verdict))
    with whole_file(trained.path / FILE, named=False) as staging:
        write_json(staging, Verdicts(weights=trained.weights, kept=kept).model_dump(mode="json"))
