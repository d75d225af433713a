"""How honest probabilities are: expected calibration error, and a diagram to look at."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from k3m_kg.errors import UsageError
from k3m_kg.files import whole_file
from k3m_kg.progress import Advance
from k3m_kg.snapshot.validation_parts import PROOF
from k3m_kg.use.calibration.acceptance import Threshold, least_count, thresholds
from k3m_kg.use.calibration.answers import ENOUGH, KnownAnswers, known_answers
from k3m_kg.use.calibration.decided import NOTHING_DECIDED, DecidedProposals
from k3m_kg.use.calibration.honesty import reliability
from k3m_kg.use.calibration.kept import (
    FILE,
    SPLIT,
    Calibration,
    calibrate,
    validation_parts,
)
from k3m_kg.use.calibration.label_noise import label_noise
from k3m_kg.use.calibration.temperature import negative_log_likelihood
from k3m_kg.use.completion.completable import left_out
from k3m_kg.use.completion.lacking import LackingAnswers, lacking_answers, what_applies
from k3m_kg.use.open_model import OpenModel

DIAGRAM = "reliability.png"
_MOST_NAMED = 5
PRECISIONS = (0.8, 0.9, 0.95, 0.99)
_BLUE, _ORANGE, _GREY = "#1f5fa8", "#d9772b", "#9aa3ad"


def check_calibration(
    calibration: Calibration,
    answers: Iterable[KnownAnswers],
    lacking: Mapping[str, LackingAnswers] | None = None,
    not_asked: Container[str] = (),
) -> dict[str, Any]:
    """Reliability before and after, and what thresholds for some precisions give.

    Args:
        calibration: with the thresholds.
        answers: of products that state what is asked.
        lacking: of products that do not.
        not_asked: properties that completion leaves out.

    Returns:
        `questions`; `unseen`: questions whose answer training never saw; `before` and `after`,
        each with `ece`, `nll` and `bins`; `per_property`: `questions`, `temperature`, `source`,
        `ece_before`, `ece_after`; `at_precision`: per wanted precision `accepted` and `coverage` of
        the questions that completion asks, `precision`: the share of those that is right, times
        `applies`: how probably a property applies to products that do not state it, over the
        `proposed` to them; and `nothing`: the properties that give nothing. Reliability is that of
        values, where the property applies.
    """
    wanted = {precision: thresholds(calibration, precision, not_asked) for precision in PRECISIONS}
    tally = {precision: np.zeros(2, np.int64) for precision in PRECISIONS}
    asked = 0
    columns: dict[str, list[np.ndarray]] = {"before": [], "after": [], "right": []}
    per_property, likelihood, unseen = {}, {"before": 0.0, "after": 0.0}, 0
    for part in answers:
        temperature = calibration.temperature(part.name)
        before_Q, right_Q = part.best(1.0)
        after_Q, _ = part.best(temperature)
        for key, column in (("before", before_Q), ("after", after_Q), ("right", right_Q)):
            columns[key].append(column)
        seen = int(part.right_QC.any(1).sum())
        unseen += len(part) - seen
        if seen:
            likelihood["before"] += seen * negative_log_likelihood([part], 1.0)
            likelihood["after"] += seen * negative_log_likelihood([part], temperature)
        fitted = calibration.properties.get(part.name)
        per_property[part.name] = {
            "questions": len(part),
            "temperature": temperature,
            "source": "pooled" if fitted is None else fitted.source,
            "ece_before": reliability(before_Q, right_Q)["ece"],
            "ece_after": reliability(after_Q, right_Q)["ece"],
        }
        asked += len(part) if part.name not in not_asked else 0
        for precision, by_name in wanted.items():
            if part.name in by_name:
                sure_Q = after_Q * part.applies_Q >= by_name[part.name].probability
                tally[precision] += (sure_Q.sum(), (sure_Q & right_Q).sum())
    joined = {key: np.concatenate([*parts, np.empty(0)]) for key, parts in columns.items()}
    count = len(joined["right"])
    result: dict[str, Any] = {"questions": count, "unseen": unseen}
    for key in ("before", "after"):
        nll = likelihood[key] / (count - unseen) if count > unseen else float("nan")
        result[key] = {"nll": nll} | reliability(joined[key], joined["right"])
    result["per_property"] = per_property
    result["at_precision"] = []
    for precision, (accepted, right) in tally.items():
        applies_M = _proposed(wanted[precision], lacking or {})
        applies = float(applies_M.mean()) if len(applies_M) else 1.0
        result["at_precision"].append(
            {
                "wanted": precision,
                "accepted": int(accepted),
                "coverage": float(accepted / asked) if asked else 0.0,
                "precision": float(applies * right / accepted) if accepted else None,
                "proposed": len(applies_M),
                "applies": applies if len(applies_M) else None,
                "nothing": [name for name, item in wanted[precision].items() if not item.reached],
            }
        )
    return result


def _proposed(
    thresholds: Mapping[str, Threshold], lacking: Mapping[str, LackingAnswers]
) -> np.ndarray:
    """How probably each proposal's property applies, of products that do not state it."""
    parts = [
        answers.applies_Q[answers.probability_Q >= thresholds[name].probability]
        for name, answers in lacking.items()
        if name in thresholds
    ]
    return np.concatenate([*parts, np.empty(0)])


def calibrate_and_check(
    opened: OpenModel,
    split: str,
    *,
    decided: DecidedProposals = NOTHING_DECIDED,
    diagram: Path | None = None,
    batch_size: int = 256,
    progress: Advance | None = None,
) -> dict[str, Any]:
    """Calibrate an artifact on its validation split, and check it there and on `split`.

    Of validation the check is on the proof part: to the other one temperatures were fitted.
    Everywhere answers that people judged are what they say.

    Returns:
        `file`, `diagram`, `pooled_temperature`; `parts`: products and questions of validation's
        `fitting` and `proof`; `decisions`: as `DecisionsUsed`, with `probability`, the mean of what
        the model gave the decided proposals, and `precision`, the share of them that is right, both
        weighted; None without any; `label_noise`: by property as `LabelNoise`; `notes`: what is too
        little to prove anything; `splits`: per split as `check_calibration`.

    Raises:
        UsageError: the snapshot is not the one that the model was trained on.
        K3MError: a file cannot be written.
    """
    if opened.snapshot.id != opened.trained.snapshot_id:
        raise UsageError(
            "only the snapshot that the model was trained on says what it has not seen",
            where="--calibrate",
            hint="leave out --snapshot",
        )
    calibration = calibrate(opened, decided, batch_size=batch_size, progress=progress)
    parts, checks = validation_parts(opened), {}
    applies, catalog = what_applies(opened), opened.batcher.catalog
    poor = {catalog.properties[name] for name in left_out(catalog)}
    for name in dict.fromkeys((SPLIT, split)):
        answers = (
            decided.corrected(part, opened.batcher)
            for part in known_answers(
                opened.predictor,
                opened.batcher,
                name,
                applies=applies,
                batch_size=batch_size,
                progress=progress,
            )
        )
        lacking = lacking_answers(
            opened, name, applies, calibration.temperature, batch_size=batch_size
        )
        checked: Iterable[KnownAnswers] = answers
        if name == SPLIT:
            checked = (part.some(parts.fold(part.rows_Q) == PROOF) for part in answers)
        checks[name] = check_calibration(calibration, checked, lacking, poor)
    diagram = opened.trained.path / DIAGRAM if diagram is None else diagram
    draw_reliability(diagram, checks)
    return {
        "file": str(opened.trained.path / FILE),
        "diagram": str(diagram),
        "pooled_temperature": calibration.pooled,
        "parts": {
            "fitting": calibration.fitting.model_dump(),
            "proof": calibration.proof.model_dump(),
        },
        "decisions": _decisions(calibration),
        "label_noise": {
            name: asdict(noise)
            for name, item in calibration.properties.items()
            if (noise := label_noise(item)) is not None
        },
        "notes": _notes(calibration),
        "splits": checks,
    }


def _decisions(calibration: Calibration) -> dict[str, Any] | None:
    """What decisions say beside what the model said."""
    if calibration.decisions is None:
        return None
    found = calibration.properties.values()
    weight_D, probability_D, right_D = (
        np.array([value for item in found for value in getattr(item, part)], float)
        for part in ("decided_weight", "decided", "decided_right")
    )
    told = {"probability": probability_D, "precision": right_D}
    return calibration.decisions.model_dump() | {
        key: float(np.average(one_D, weights=weight_D)) if len(weight_D) else None
        for key, one_D in told.items()
    }


def _notes(calibration: Calibration) -> list[str]:
    """What a validation split is too small for."""
    notes = []
    if calibration.fitting.questions < ENOUGH:
        notes.append(
            f"temperatures rest on {calibration.fitting.questions} questions, and are kept only "
            "where half of them help the other half"
        )
    few = [p for p in PRECISIONS if least_count(p) > calibration.proof.questions]
    if few:
        notes.append(
            f"no precision from {min(few):.0%} on can be proved: that takes "
            f"{least_count(min(few))} right answers, and {calibration.proof.questions} questions "
            "are kept for the proof"
        )
    return [*notes, *_noise_notes(calibration)]


def _noise_notes(calibration: Calibration) -> list[str]:
    """What cannot be proved, as what is stated or the model is wrong too often."""
    found = {name: label_noise(item) for name, item in calibration.properties.items()}
    doubted = {
        name: noise
        for name, noise in found.items()
        if noise is not None and noise.disagree > 1 - PRECISIONS[-2]
    }
    if not doubted:
        return []
    worst = sorted(doubted.items(), key=lambda pair: -pair[1].disagree)
    some = ", ".join(f"{name} {noise.disagree:.1%}" for name, noise in worst[:_MOST_NAMED])
    more = f" and {len(worst) - _MOST_NAMED} more" if len(worst) > _MOST_NAMED else ""
    return [
        f"even the surest third of the answers disagrees with what is stated: {some}{more}; the "
        "model is wrong there, or the catalog: `k3m-kg audit --kind values --split validation "
        "--review` asks people, whose decisions count here"
    ]


def draw_reliability(path: Path, checks: dict[str, dict[str, Any]]) -> None:
    """A reliability diagram per split, before and after, as a PNG.

    Raises:
        K3MError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * len(checks), 4.2), layout="constrained", dpi=144)
    FigureCanvasAgg(figure)
    for number, (split, check) in enumerate(checks.items()):
        axes = figure.add_subplot(1, len(checks), number + 1)
        axes.plot([0, 1], [0, 1], color=_GREY, linewidth=1, zorder=1)
        for key, colour in (("before", _ORANGE), ("after", _BLUE)):
            rows = check[key]["bins"]
            axes.plot(
                [row["probability"] for row in rows],
                [row["accuracy"] for row in rows],
                marker="o",
                markersize=4,
                color=colour,
                label=f"{key}: ECE {check[key]['ece']:.3f}",
            )
        axes.set(
            title=f"{split}, {check['questions']:,} questions",
            xlabel="probability of the best value",
            ylabel="share that is right",
            xlim=(0, 1),
            ylim=(0, 1),
            aspect="equal",
        )
        axes.legend(frameon=False, loc="upper left")
    with whole_file(path) as staging:
        figure.savefig(staging, format="png")
