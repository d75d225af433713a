"""Item classification as an evaluation: its settings and its report as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from k3m_kg.contracts import Evaluation, Outcomes, figure_lines
from k3m_kg.errors import UsageError
from k3m_kg.evaluation.baselines.competitors import Competitors, called
from k3m_kg.evaluation.classification import FittedHead, evaluate_classification
from k3m_kg.evaluation.settings import ClassificationSettings
from k3m_kg.evaluation.text import about_title, verdict_lines
from k3m_kg.progress import StageProgress, counted_stages
from k3m_kg.snapshot import CATEGORY
from k3m_kg.use.open_model import OpenModel
from k3m_kg.use.vectors.tuning import TuneSettings


class Classification(Evaluation[OpenModel]):
    """Tells products apart by their vectors."""

    ranks = False
    splits = ("validation", "test")
    measure = "accuracy"
    each_alone = True

    def __init__(self, settings: ClassificationSettings) -> None:
        self.settings = settings
        self._outcomes: dict[str, Outcomes] = {}
        self._fitted: tuple[OpenModel, FittedHead] | None = None

    def run(self, opened: OpenModel, split: str, progress: StageProgress) -> dict[str, Any]:
        """As `evaluate_classification`.

        Raises:
            UsageError: an unknown target, or a model that only looks products up.
        """
        asked, trained = self.settings, opened.trained
        if not trained.sees:
            raise UsageError(
                "this model looks products up and has nothing to say of those of test and "
                "validation",
                where="--task classification",
                hint="use a model of `k3m-kg pretrain`",
            )
        known = opened.batcher.catalog.properties
        by_category = asked.target == CATEGORY and (
            opened.snapshot.has_categories or CATEGORY not in known
        )
        usual = trained.validation.cut_title and not by_category
        report, self._outcomes = evaluate_classification(
            opened.predictor,
            opened.batcher,
            asked.target,
            mode=asked.mode,
            ranks=trained.ranks,
            split=split,
            hide=trained.validation.hide if asked.hide is None else asked.hide,
            cut_title=usual if asked.cut_title is None else asked.cut_title,
            batch_size=asked.batch_size,
            finetuning=TuneSettings(epochs=asked.epochs, batch_size=trained.batch_size),
            without=asked.hide_modalities,
            competitors=Competitors.of(opened, asked.hide_modalities, progress, usual=asked.usual)
            if asked.baselines
            else None,
            fitted=self._fitted_to(opened, split),
            progress=counted_stages(progress),
        )
        return report

    def _fitted_to(self, opened: OpenModel, split: str) -> FittedHead:
        """What an earlier run fitted to the same train and validation products, if any did."""
        whole = opened.whole or opened
        if split == "validation":  # which a view may corrupt
            return FittedHead()
        if self._fitted is None or self._fitted[0] is not whole:
            self._fitted = whole, FittedHead()
        return self._fitted[1]

    def outcomes(self) -> dict[str, Outcomes]:
        """By product: whether it was right, and its labels."""
        return self._outcomes

    def lines(self, report: dict[str, Any]) -> Iterator[str]:
        """Three figures, then those of the baselines."""
        metrics = report["metrics"]
        yield (
            f"classification by {report['target']} ({report['mode']}): "
            f"{metrics['classes']:,} classes, {metrics['products']:,} {report['split']} products; "
            f"{about_title(report)}"
        )
        figures = {name: metrics[name] for name in ("accuracy", "macro_f1", "majority")}
        yield from figure_lines(figures, intervals=report.get("intervals"))
        for name, row in report.get("baselines", {}).items():
            shown = ", ".join(f"{key} {row[key]:.4f}" for key in ("accuracy", "macro_f1"))
            yield f"{called(name)}: {shown}"
        yield from verdict_lines(report)
