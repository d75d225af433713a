"""Open values as an evaluation: what is read off texts, beside the model and simple readers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from k3m_kg.contracts import Evaluation
from k3m_kg.errors import K3MError, UsageError
from k3m_kg.evaluation.settings import OpenValuesSettings
from k3m_kg.lpm.questions import property_ids
from k3m_kg.progress import StageProgress, counted
from k3m_kg.spans.finding import value_key
from k3m_kg.use.calibration.answers import KnownAnswers, known_answers
from k3m_kg.use.calibration.kept import load_calibration
from k3m_kg.use.completion.open_values import OpenValues, TextQuestion, text_questions
from k3m_kg.use.open_model import OpenModel

MODEL, TEXTS, MERGED = "model", "texts", "merged"
FIRST_WORD, FIRST_RUN, LONGEST = "first word", "first capitalised run", "longest known value"
READERS = (MERGED, TEXTS, MODEL, FIRST_WORD, FIRST_RUN, LONGEST)
"""Who is asked; all but the first two are competitors."""
_TOP = 3


class OpenValuesEvaluation(Evaluation[OpenModel]):
    """Asks for the values of open properties as completion does: the whole title is seen."""

    def __init__(self, settings: OpenValuesSettings) -> None:
        self.settings = settings

    def run(self, opened: OpenModel, split: str, progress: StageProgress) -> dict[str, Any]:
        """Fit and calibrate what reads texts, keep it in the artifact, and ask a split's products.

        A question is a product and an open property of which it has values, all of them hidden.

        Returns:
            `metrics`: `questions`; `stands` and `unseen`: shares whose value stands in the texts,
            and was no value of the property in training; for each of `READERS` `hits@1` and
            `hits@3` as `NAME hits@k`, and for those unseen `unseen NAME hits@k`. `per_property` the
            same. `kept`: the artifact, if it could be written.

        Raises:
            UsageError: another snapshot than that of training, an unknown property, or no open one.
        """
        home = opened.whole or opened
        if home.snapshot.id != opened.trained.snapshot_id:
            raise UsageError(
                "only the snapshot that the model was trained on says what it has not seen",
                where="--task open-values",
                hint="leave out --snapshot",
            )
        named = self.settings.properties
        property_ids(opened.batcher.catalog, named, "--property")
        values = OpenValues.fit(home.snapshot, counted(progress, "read"))
        wanted = [name for name in values.scorer.names if not named or name in named]
        if not wanted:
            raise UsageError(
                "no such property is open: its values do not stand in the products' texts",
                where=str(opened.snapshot.path),
            )
        tallies = {name: _Tally() for name in wanted}
        calibration = load_calibration(opened.trained)
        for part in known_answers(
            opened.predictor,
            opened.batcher,
            split,
            batch_size=self.settings.batch_size,
            progress=counted(progress, "ask"),
        ):
            if part.name in tallies:
                heat = 1.0 if calibration is None else calibration.temperature(part.name)
                _ask(opened, values, part, heat, tallies[part.name])
        asked = {name: tally for name, tally in tallies.items() if tally.rows}
        if not asked:
            raise UsageError(
                f"nothing to ask: the {split} products have no open property",
                where=str(opened.snapshot.path),
            )
        every = _Tally([row for tally in asked.values() for row in tally.rows])
        report: dict[str, Any] = {
            "metrics": every.figures(),
            "per_property": {name: tally.figures() for name, tally in asked.items()},
            "kept": None,
        }
        if opened.whole is not None:
            return report | {"not_kept": "not kept, as products were corrupted"}
        try:
            values.save(opened.trained.path)
            report["kept"] = str(opened.trained.path)
        except K3MError as error:
            report["not_kept"] = str(error)
        return report

    def lines(self, report: dict[str, Any]) -> Iterator[str]:
        """A row per property: the share right first, and among the first three."""
        metrics = report["metrics"]
        yield (
            f"open values on {report['split']}, {metrics['questions']:,} questions: "
            f"{metrics['stands']:.1%} stand in the product's texts, {metrics['unseen']:.1%} are "
            f"unseen in training"
        )
        rows = report["per_property"] | {"all questions": metrics}
        width = max(24, *map(len, rows))
        names = " ".join(f"{name:>21}" for name in READERS)
        yield f"{'right first / of three':{width}} {'asked':>6} {'stands':>7} {names}"
        for name, row in rows.items():
            yield f"{name:{width}} {row['questions']:>6} {row['stands']:>7.1%} {_hits(row, '')}"
        if metrics["unseen"]:
            yield f"{'unseen in training':{width}} {'':>14} {_hits(metrics, 'unseen ')}"
        kept = report["kept"]
        yield f"kept in {kept}: `complete` proposes them" if kept else report["not_kept"]


def _hits(row: dict[str, Any], prefix: str) -> str:
    shown = (
        f"{row[f'{prefix}{name} hits@1']:.1%} / {row[f'{prefix}{name} hits@{_TOP}']:.1%}"
        for name in READERS
    )
    return " ".join(f"{text:>21}" for text in shown)


class _Tally:
    """The outcomes of questions: whether it stands, is unseen, and two hits per reader."""

    def __init__(self, rows: list[list[bool]] | None = None) -> None:
        self.rows = rows or []

    def add(self, question: TextQuestion, seen: bool, guesses: Sequence[Sequence[str]]) -> None:
        row = [bool(question.right_T.any()), not seen]
        for keys in guesses:
            row += [bool({*keys[:most]} & question.keys) for most in (1, _TOP)]
        self.rows.append(row)

    def figures(self) -> dict[str, Any]:
        table = np.array(self.rows, float)
        unseen = table[table[:, 1] > 0]
        found: dict[str, Any] = {"questions": len(table)}
        found["stands"], found["unseen"] = table[:, :2].mean(0).tolist()
        for prefix, part in (("", table), ("unseen ", unseen)):
            shares = part[:, 2:].mean(0).tolist() if len(part) else [0.0] * (2 * len(READERS))
            for place, name in enumerate(READERS):
                found[f"{prefix}{name} hits@1"] = shares[2 * place]
                found[f"{prefix}{name} hits@{_TOP}"] = shares[2 * place + 1]
        return found


def _ask(
    opened: OpenModel, values: OpenValues, part: KnownAnswers, heat: float, tally: _Tally
) -> None:
    catalog, snapshot = opened.batcher.catalog, opened.snapshot
    candidates = catalog.candidates[catalog.properties.index(part.name)]
    known = [value_key(catalog.values[value]) for value in candidates.tolist()]
    share_QC = (part.scores_QC.double() / heat).softmax(1).numpy()
    questions = {
        question.row: question
        for question in text_questions(values.scorer, snapshot, part.rows_Q, (part.name,))
    }
    for place, row in enumerate(part.rows_Q.tolist()):
        question, share_C = questions[row], share_QC[place]
        answers = question.answers
        share_T, none = answers.probability()
        both: dict[str, float] = {}
        for key, share in zip(known, (none * share_C).tolist(), strict=True):
            both[key] = both.get(key, 0.0) + share
        texts = [value_key(text) for text in answers.texts]
        for key, share in zip(texts, share_T.tolist(), strict=True):
            both[key] = both.get(key, 0.0) + share
        title = snapshot.titles[row].as_py() or ""
        there = [answers.texts[at] for at in np.flatnonzero(answers.known_T).tolist()]
        tally.add(
            question,
            bool(part.right_QC[place].any()),
            [
                sorted(both, key=lambda key: -both[key])[:_TOP],
                [texts[at] for at in np.argsort(-share_T, kind="stable")[:_TOP].tolist()],
                [known[at] for at in np.argsort(-share_C, kind="stable")[:_TOP].tolist()],
                [value_key(word) for word in title.split()[:1]],
                [value_key(first_run(title))],
                [value_key(text) for text in sorted(there, key=len, reverse=True)[:_TOP]],
            ],
        )


def first_run(title: str) -> str:
    """The words in capitals, without a digit, that a title begins with."""
    run = []
    for word in title.split():
        if not word[:1].isupper() or any(sign.isdigit() for sign in word):
            break
        run.append(word.rstrip(",;:"))
        if run[-1] != word:
            break
    return " ".join(run)
