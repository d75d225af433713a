"""An opened model that answers, in the one thread that computes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from k3m_kg.batches.split_questions import held_out_included
from k3m_kg.errors import K3MError, SnapshotError
from k3m_kg.lpm.questions import PropertyVectors
from k3m_kg.serve.asking.kinds import (
    Auditing,
    Completing,
    Embedding,
    Explaining,
    Matching,
    Resembling,
    Searching,
    SearchingPictures,
)
from k3m_kg.serve.asking.similar import SimilarAnswers
from k3m_kg.serve.settings import ServeSettings
from k3m_kg.use.audit import Auditor, Finding, kinds_of
from k3m_kg.use.calibration.kept import load_calibration
from k3m_kg.use.completion.explanation import Explainer
from k3m_kg.use.completion.lacking import what_applies
from k3m_kg.use.completion.open_values import OpenValues
from k3m_kg.use.completion.proposals import Proposal
from k3m_kg.use.completion.proposing import CompletionSettings, complete
from k3m_kg.use.open_model import OpenModel, open_model

_BATCH = 256


class OpenedAnswers:
    """Answers of one model about one snapshot.

    Attributes:
        opened: the model.
        calibrated: whether its probabilities are.
    """

    def __init__(
        self, opened: OpenModel, vectors: Path | None = None, pairs: Path | None = None
    ) -> None:
        self.opened = opened
        self._similar = SimilarAnswers(opened, vectors, pairs)
        calibration = load_calibration(opened.trained)
        self.calibrated = calibration is not None
        self._temperature = calibration.temperature if calibration else lambda name: 1.0
        self._applies = what_applies(opened)
        self._open_values = OpenValues.load(opened.trained.path)
        self._vectors = PropertyVectors(opened.predictor, opened.batcher, 0)
        self._auditor = Auditor(
            opened.predictor, opened.batcher, temperature=self._temperature, batch_size=_BATCH
        )
        self._explainers: dict[int, Explainer] = {}

    @classmethod
    def open(cls, artifact: Path, settings: ServeSettings) -> OpenedAnswers:
        """Of an artifact, with the snapshot that it was trained on, or another.

        Raises:
            K3MError: what cannot be opened or used.
        """
        opened = open_model(artifact, settings.snapshot, device=settings.device)
        return cls(opened, settings.vectors, settings.pairs)

    def __call__(self, kind: Hashable, items: Sequence[Any]) -> Mapping[Any, Any]:
        """The answer to each item, or why there is none."""
        if isinstance(kind, Explaining):
            return self._explained(kind, items)
        if isinstance(kind, Searching):
            return self._similar.searched(kind, items)
        if isinstance(kind, SearchingPictures):
            return self._similar.pictured(kind, items)
        known, unknown = self._known(items)
        if isinstance(kind, Completing):
            return unknown | self._completed(kind, known)
        if isinstance(kind, Embedding):
            return unknown | self._embedded(known)
        if isinstance(kind, Resembling):
            return unknown | self._similar.alike(kind, known)
        if isinstance(kind, Matching):
            return unknown | self._similar.same(kind, known)
        assert isinstance(kind, Auditing)
        return unknown | self._audited(kind, known)

    def _known(self, ids: Sequence[str]) -> tuple[dict[str, int], dict[str, Any]]:
        """Products with their rows, and those that the snapshot lacks."""
        snapshot = self.opened.snapshot
        try:
            return dict(zip(ids, snapshot.row_of(ids).tolist(), strict=True)), {}
        except SnapshotError:
            pass  # some are unknown: which ones
        known: dict[str, int] = {}
        unknown: dict[str, Any] = {}
        for id_ in ids:
            try:
                (known[id_],) = snapshot.row_of([id_]).tolist()
            except SnapshotError:
                unknown[id_] = K3MError(
                    f"the model's snapshot has no product {id_!r}",
                    hint="cut a new snapshot, and start again with --snapshot",
                )
        return known, unknown

    def _completed(self, kind: Completing, known: Mapping[str, int]) -> dict[str, Any]:
        found: dict[str, Any] = {id_: [] for id_ in known}
        if not known:
            return found
        values = self._open_values
        settings = CompletionSettings(
            kind.properties,
            top_k=kind.top,
            known_too=kind.known_too,
            applies=kind.applies,
            open_values=() if values is None else values.scorer.known,
        )
        proposals = complete(
            self.opened.predictor,
            self.opened.batcher,
            np.array(list(known.values()), np.int64),
            settings,
            applies=self._applies,
            temperature=self._temperature,
            batch_size=_BATCH,
            vectors=self._vectors,
        )
        if values is not None:
            proposals = values.merged(proposals, self.opened.snapshot, kind.top)
        for proposal in proposals:
            found[proposal.product].append(proposal)
        return found

    def _embedded(self, known: Mapping[str, int]) -> dict[str, Any]:
        if not known:
            return {}
        with held_out_included(self.opened.batcher):
            vectors_NH = self.opened.vectors(
                np.array(list(known.values()), np.int64), batch_size=_BATCH
            )
        return dict(zip(known, vectors_NH, strict=True))

    def _audited(self, kind: Auditing, known: Mapping[str, int]) -> dict[str, Any]:
        found: dict[str, list[Finding]] = {id_: [] for id_ in known}
        rows = np.array(list(known.values()), np.int64)
        for name in kinds_of(self.opened.trained.modalities) if len(rows) else ():
            for finding in self._auditor.audit(name, rows, kind.top).findings:
                found[finding.product].append(finding)
        return dict(found)

    def _explained(self, kind: Explaining, items: Sequence[Proposal]) -> dict[Any, Any]:
        sees = self.opened.trained.sees
        # What stands in a text alone was not scored by the model, so it has no parts.
        asked = [item for item in items if not item.open and (sees is None or sees)]
        if kind.parts not in self._explainers:
            self._explainers[kind.parts] = Explainer(
                self.opened.predictor,
                self.opened.batcher,
                sees=sees,
                top=kind.parts,
                temperature=self._temperature,
                batch_size=_BATCH,
            )
        explained = self._explainers[kind.parts](asked)
        return {item: item for item in items} | dict(zip(asked, explained, strict=True))
