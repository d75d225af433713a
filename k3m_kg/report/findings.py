"""What the page tells, found by asking the model: evaluations, completion, audit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from k3m_kg.errors import ArtifactError, K3MError, UsageError
from k3m_kg.evaluation.reliability import calibrate_and_check
from k3m_kg.evaluation.running import build_evaluation, keep_verdict_of, run_evaluation
from k3m_kg.evaluation.settings import ClassificationSettings, LinkPredictionSettings
from k3m_kg.progress import StageProgress, counted
from k3m_kg.report.examples import ShownProduct, pick_examples
from k3m_kg.snapshot import CATEGORY
from k3m_kg.training.run.folder import run_folder
from k3m_kg.training.watching.logs import read_metrics
from k3m_kg.use.audit import VALUES, Audit, Auditor, kinds_of
from k3m_kg.use.calibration.acceptance import Acceptor, thresholds
from k3m_kg.use.calibration.kept import Calibration, load_calibration
from k3m_kg.use.completion.completable import left_out
from k3m_kg.use.completion.lacking import what_applies
from k3m_kg.use.completion.proposing import CompletionSettings, complete
from k3m_kg.use.open_model import OpenModel
from k3m_kg.use.queueing import decided_about

PRECISIONS = (0.9, 0.95)
ASKED_PRODUCTS = 3000
"""Products that completion and audit are asked about, drawn at random from a larger catalog."""


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """What is asked.

    Attributes:
        split: whose products figures are of.
        examples: products that are shown with what is proposed for them.
        findings: how many of each kind of finding are shown.
        db: the graph with people's decisions, which calibration counts; None: no decisions.
    """

    split: str = "test"
    examples: int = 6
    findings: int = 6
    batch_size: int = 256
    db: str | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """All that the page tells of one model.

    Attributes:
        links: the report of link prediction.
        categories: that of classification by category; None where there is nothing to tell.
        calibration: as `calibrate_and_check`; None where that was not possible.
        diagram: the reliability diagram, a PNG.
        fills: by precision, per property what would be accepted of the missing values.
        asked: products that fills are counted over.
        examples: products with what is proposed for them.
        mistakes: values of the split's products that the model finds least likely.
        audits: by kind, what looks wrong with the other products.
        log: the training's log, line by line; empty where it is gone.
        notes: what could not be found out, and why.
    """

    opened: OpenModel
    settings: ReportSettings
    links: dict[str, Any]
    categories: dict[str, Any] | None
    calibration: dict[str, Any] | None
    diagram: bytes | None
    fills: dict[float, dict[str, dict[str, Any]]]
    asked: int
    examples: list[ShownProduct]
    mistakes: Audit
    audits: dict[str, Audit]
    log: list[dict[str, Any]]
    notes: list[str]


def find(opened: OpenModel, settings: ReportSettings, progress: StageProgress) -> Findings:
    """Ask the model for all of it; verdicts and calibration are kept in the artifact.

    Raises:
        K3MError: what cannot be measured at all.
    """
    notes: list[str] = []
    links = _evaluated(opened, "link-prediction", LinkPredictionSettings(), settings, progress)
    _keep(links, opened, notes)
    categories = _categories(opened, settings, progress, notes)
    checked, calibration = _calibration(opened, settings, progress, notes)
    diagram = None if checked is None else Path(checked["diagram"]).read_bytes()
    rows = _drawn(opened.rows())
    proposed = CompletionSettings(top_k=1)
    fills = {}
    if calibration is not None:
        told = counted(progress, "complete", len(rows))
        catalog = opened.batcher.catalog
        poor = {catalog.properties[name] for name in left_out(catalog)}
        acceptors = {p: Acceptor(thresholds(calibration, p, poor)) for p in PRECISIONS}
        for proposal in complete(
            opened.predictor,
            opened.batcher,
            rows,
            proposed,
            applies=what_applies(opened),
            temperature=calibration.temperature,
            batch_size=settings.batch_size,
            progress=told,
        ):
            for acceptor in acceptors.values():
                for _ in acceptor([proposal]):
                    pass  # it counts
        fills = {precision: acceptor.report() for precision, acceptor in acceptors.items()}
    return Findings(
        opened=opened,
        settings=settings,
        links=links,
        categories=categories,
        calibration=checked,
        diagram=diagram,
        fills=fills,
        asked=len(rows),
        examples=pick_examples(opened, settings.split, settings.examples, calibration),
        mistakes=_audited(opened, settings, calibration, progress, of_split=True)[VALUES],
        audits=_audited(opened, settings, calibration, progress, of_split=False),
        log=read_metrics(run_folder(opened.trained.path)),
        notes=notes,
    )


def _evaluated(
    opened: OpenModel, task: str, asked: Any, settings: ReportSettings, progress: StageProgress
) -> dict[str, Any]:
    evaluation = build_evaluation(task, asked, settings.split)
    return run_evaluation(task, evaluation, opened, settings.split, progress)


def _keep(report: dict[str, Any], opened: OpenModel, notes: list[str]) -> None:
    try:
        keep_verdict_of(report, opened)
    except K3MError as error:  # an artifact that others may only read is told of all the same
        notes.append(f"the verdict is not kept in the artifact: {error}")


def _categories(
    opened: OpenModel, settings: ReportSettings, progress: StageProgress, notes: list[str]
) -> dict[str, Any] | None:
    """How well categories are told apart, where there are any and the model sees products."""
    known = opened.snapshot.categories
    if not opened.trained.sees or known.null_count == len(known):
        return None
    try:
        asked = ClassificationSettings(target=CATEGORY)
        report = _evaluated(opened, "classification", asked, settings, progress)
    except UsageError as error:
        notes.append(f"categories are not told apart: {error.message}")
        return None
    _keep(report, opened, notes)
    return report


def _calibration(
    opened: OpenModel, settings: ReportSettings, progress: StageProgress, notes: list[str]
) -> tuple[dict[str, Any] | None, Calibration | None]:
    """The check of probabilities, and what they are."""
    checked = None
    try:
        checked = calibrate_and_check(
            opened,
            settings.split,
            decided=decided_about(opened, settings.db),
            batch_size=settings.batch_size,
            progress=counted(progress, "calibrate"),
        )
    except K3MError as error:
        notes.append(f"probabilities are not calibrated here: {error.message}")
    try:
        return checked, load_calibration(opened.trained)
    except ArtifactError as error:
        notes.append(f"the calibration cannot be used: {error.message}")
        return checked, None


def _drawn(rows: np.ndarray) -> np.ndarray:
    return np.sort(np.random.default_rng(0).permutation(rows)[:ASKED_PRODUCTS])


def _audited(
    opened: OpenModel,
    settings: ReportSettings,
    calibration: Calibration | None,
    progress: StageProgress,
    *,
    of_split: bool,
) -> dict[str, Audit]:
    """By kind, the most suspicious: values of the split's products, or anything of the others."""
    mine = opened.rows(settings.split)
    rows = _drawn(mine if of_split else np.setdiff1d(opened.rows(), mine))
    auditor = Auditor(
        opened.predictor,
        opened.batcher,
        temperature=calibration.temperature if calibration else lambda name: 1.0,
        batch_size=settings.batch_size,
    )
    kinds: Iterable[str] = (VALUES,) if of_split else kinds_of(opened.trained.modalities)
    whose = settings.split if of_split else "others"
    return {
        kind: auditor.audit(
            kind, rows, settings.findings, counted(progress, f"audit {kind}, {whose}", len(rows))
        )
        for kind in kinds
    }
