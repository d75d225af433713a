"""Link prediction as an evaluation: its settings, its calibration and its report as text."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from k3m_kg.batches.split_questions import questions_of
from k3m_kg.contracts import Evaluation, Outcomes
from k3m_kg.evaluation.baselines.competitors import Competitors, called
from k3m_kg.evaluation.link_prediction import evaluate_link_prediction
from k3m_kg.evaluation.numbers import evaluate_quantities
from k3m_kg.evaluation.reliability import calibrate_and_check
from k3m_kg.evaluation.settings import LinkPredictionSettings
from k3m_kg.evaluation.text import about_title, verdict_lines
from k3m_kg.progress import StageProgress, counted
from k3m_kg.use.open_model import OpenModel
from k3m_kg.use.queueing import decided_about

_LEAKS = {
    "title": "in the title",
    "duplicates": "by a duplicate in train",
    "determined": "by another triple",
    "any": "by any of these",
}


class LinkPrediction(Evaluation[OpenModel]):
    """Ranks the true value of each question among the values of its property."""

    measure = "macro_hits@1"
    each_alone = True

    def __init__(self, settings: LinkPredictionSettings) -> None:
        self.settings = settings
        self._outcomes: dict[str, Outcomes] = {}

    def run(self, opened: OpenModel, split: str, progress: StageProgress) -> dict[str, Any]:
        """As `evaluate_link_prediction`; with `quantities` where there are some (see
        `evaluate_quantities`), and `calibration` where it is asked for.
        """
        asked, usual = self.settings, opened.trained.validation
        questions, _, _ = questions_of(opened.batcher, split, asked.properties)
        report, self._outcomes = evaluate_link_prediction(
            opened.predictor,
            opened.batcher,
            split,
            properties=asked.properties,
            hide=usual.hide if asked.hide is None else asked.hide,
            cut_title=usual.cut_title if asked.cut_title is None else asked.cut_title,
            leakage=asked.leakage,
            batch_size=asked.batch_size,
            without=asked.hide_modalities,
            competitors=Competitors.of(opened, asked.hide_modalities, progress, usual=asked.usual)
            if asked.baselines
            else None,
            progress=counted(progress, "ask", len(questions)),
        )
        if asked.quantities:
            found = evaluate_quantities(
                opened.predictor,
                opened.batcher,
                split,
                properties=asked.properties,
                hide=usual.hide if asked.hide is None else asked.hide,
                cut_title=usual.cut_title if asked.cut_title is None else asked.cut_title,
                batch_size=asked.batch_size,
                without=asked.hide_modalities,
                progress=counted(progress, "numbers"),
            )
            report |= {} if found is None else {"quantities": found}
        if asked.calibrate:
            report["calibration"] = calibrate_and_check(
                opened,
                split,
                decided=decided_about(opened, asked.db),
                diagram=asked.diagram,
                batch_size=asked.batch_size,
                progress=counted(progress, "calibrate"),
            )
        return report

    def outcomes(self) -> dict[str, Outcomes]:
        """By question: whether the true value came first, and its reciprocal rank."""
        return self._outcomes

    def lines(self, report: dict[str, Any]) -> Iterator[str]:
        """A row per property, the baselines, what is given away, calibration, the verdict."""
        yield from _links(report)
        yield from _interval(report)
        if "baselines" in report:
            yield from _baselines(report, each=self.settings.per_property)
        if "quantities" in report:
            yield from _quantities(report["quantities"])
        if "leakage" in report:
            yield from _leakage(report["leakage"])
        if "calibration" in report:
            yield from _calibration(report["calibration"])
        if "verdict" in report:
            yield ""
        yield from verdict_lines(report)


def _links(report: dict[str, Any]) -> Iterator[str]:
    metrics = report["metrics"]
    yield (
        f"link prediction on {report['products']:,} {report['split']} products, "
        f"{metrics['questions']:,} questions ({metrics['unseen']:,} with an answer unseen in "
        f"training); {about_title(report)}"
    )
    width = max(24, *(len(name) for name in report["per_property"]))
    yield (
        f"{'property':{width}} {'asked':>7} {'values':>7} {'MRR':>7} {'Hits@1':>7} "
        f"{'Hits@3':>7} {'Hits@10':>7} {'majority Hits@1':>16}"
    )
    rows = [
        (name, row["questions"], row["candidates"], row, "")
        for name, row in report["per_property"].items()
    ]
    rows += [
        ("mean over properties", "", "", metrics, "macro_"),
        ("all questions", metrics["questions"], "", metrics, ""),
    ]
    for name, questions, values, row, prefix in rows:
        shown = " ".join(f"{row[prefix + key]:>7.4f}" for key in ("mrr", "hits@1", "hits@3"))
        yield (
            f"{name:{width}} {questions:>7} {values:>7} {shown} {row[f'{prefix}hits@10']:>7.4f} "
            f"{row[f'majority_{prefix}hits@1']:>16.4f}"
        )


def _interval(report: dict[str, Any]) -> Iterator[str]:
    if "macro_hits@1" in (intervals := report.get("intervals", {})):
        low, high = intervals["macro_hits@1"]
        yield f"mean Hits@1 over properties, 95 % interval over products: {low:.4f} to {high:.4f}"


def _baselines(report: dict[str, Any], *, each: bool) -> Iterator[str]:
    """The means over properties, and where it is asked for Hits@1 of every property."""
    metrics, baselines = report["metrics"], report["baselines"]
    rows = {"this model": metrics} | {called(name): row for name, row in baselines.items()}
    width = max(24, *map(len, rows))
    yield (
        f"\n{'mean over properties':{width}} {'MRR':>7} {'Hits@1':>7} {'Hits@3':>7} {'Hits@10':>7}"
    )
    for name, row in rows.items():
        keys = ("mrr", "hits@1", "hits@3", "hits@10")
        yield f"{name:{width}} " + " ".join(f"{row[f'macro_{key}']:>7.4f}" for key in keys)
    if not each:
        return
    columns = ["this model", *baselines]
    width = max(24, *map(len, report["per_property"]))
    yield f"\n{'Hits@1':{width}} " + " ".join(f"{name:>10}" for name in columns)
    for name, row in report["per_property"].items():
        values = [row["hits@1"], *(row["baselines"][other]["hits@1"] for other in baselines)]
        shown = zip(values, columns, strict=True)
        yield f"{name:{width}} " + " ".join(
            f"{value:>{max(10, len(column))}.4f}" for value, column in shown
        )


def _quantities(report: dict[str, Any]) -> Iterator[str]:
    rows = report["per_property"] | {"mean over properties": report}
    width = max(24, *map(len, rows))
    yield (
        f"\nnumbers within {report['tolerance']:.0%}, beside the median of the category; interval "
        f"of {report['interval']:.0%}"
    )
    titles = ("within", "median", "covered")
    shown = " ".join(f"{title:>8}" for title in titles)
    yield f"{'property':{width}} {'unit':>6} {'asked':>7} {shown}"
    for name, row in rows.items():
        shown = " ".join(f"{row[key]:>8.1%}" for key in ("within", "median_within", "covered"))
        yield f"{name:{width}} {row.get('unit') or '':>6} {row.get('questions', ''):>7} {shown}"
    for name, row in report["per_property"].items():
        if row["unclear"]:
            yield f"{name}: left out, as they can be read in two ways: {', '.join(row['unclear'])}"


def _leakage(report: dict[str, Any]) -> Iterator[str]:
    yield (
        f"\n{'answers given away':24} {'asked':>7} {'share':>7} {'MRR without':>12} {'Hits@1':>7}"
    )
    for kind, text in _LEAKS.items():
        row = report[kind]
        left = [row["without"][key] for key in ("mrr", "hits@1")]
        shown = [f"{value:.4f}" if math.isfinite(value) else "-" for value in left]
        yield (f"{text:24} {row['questions']:>7} {row['share']:>7.1%} {shown[0]:>12} {shown[1]:>7}")


def _calibration(report: dict[str, Any]) -> Iterator[str]:
    for split, check in report["splits"].items():
        before, after = check["before"], check["after"]
        yield (
            f"\ncalibration on {split}, {check['questions']:,} questions as completion asks them: "
            f"expected calibration error {before['ece']:.4f} before, {after['ece']:.4f} after"
        )
        yield (
            f"{'precision wanted':>18} {'got':>8} {'coverage':>9} {'proposed':>9} {'applies':>8}"
        )
        for row in check["at_precision"]:
            got, applies = (
                "-" if row[key] is None else f"{row[key]:.1%}" for key in ("precision", "applies")
            )
            yield (
                f"{row['wanted']:>18.0%} {got:>8} {row['coverage']:>9.1%} {row['proposed']:>9,} "
                f"{applies:>8}"
            )
    yield "  got: right where the property is stated, times how probably it applies where it is not"
    fitting, proof = (report["parts"][name] for name in ("fitting", "proof"))
    yield (
        f"\nfitted to {fitting['questions']:,} validation questions on {fitting['products']:,} "
        f"products, checked on {proof['questions']:,} on {proof['products']:,} others"
    )
    yield from decision_lines(report["decisions"])
    yield from report["notes"]
    yield (f"\ntemperatures in {report['file']}, diagram in {report['diagram']}")


def decision_lines(found: dict[str, Any] | None) -> Iterator[str]:
    """What of people's decisions went into it, and how what was asked was corrected."""
    if found is None:
        return
    if found["answers"]:
        yield f"people judged {found['answers']:,} of the answers: what they say is the truth"
    if not found["decided"]:
        return
    yield (
        f"people decided {found['decided']:,} of {found['proposals']:,} proposals of this model, "
        f"{found['right']:,} as right: {found['precision']:.1%} of all in proportion, where it "
        f"said {found['probability']:.1%}"
    )
    yield (
        "  what is asked is no random choice: each counts for the proposals that are as probable, "
        f"for each one decided there; as good as {found['effective']:,.0f} drawn at random"
    )
    if found["clipped"]:
        yield f"  {found['clipped']:,} would have counted for more, and were cut"
    if found["unseen"]:
        yield f"  {found['unseen']:,} proposals are like none decided: nobody speaks for them"
