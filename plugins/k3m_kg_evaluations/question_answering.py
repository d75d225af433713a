"""Question answering: a question in words about a product, and candidate answers ranked.

The answer to a question is a triple of the product, which the question must not see: neither the
triple, nor its value's words in the title.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from k3m_kg.api import (
    Competitors,
    Evaluation,
    LinkPredictor,
    LinkRanks,
    OpenModel,
    Outcomes,
    Partial,
    ProductSource,
    Ranks,
    Scores,
    StageProgress,
    Triples,
    TuneSettings,
    UsageError,
    Visibility,
    about_title,
    asked_triples,
    called,
    counted,
    counted_stages,
    figure_lines,
    heads_of,
    heads_to_train,
    held_out_included,
    is_held_out,
    places,
    property_ids,
    property_vectors,
    question_items,
    questions_of,
    rank_by_frequency,
    rank_questions,
    rank_scores,
    spoken,
    text_vectors,
    truth_of,
    tune,
    value_vectors,
    verdict_lines,
    verdict_of,
)
from k3m_kg_evaluations.answer_head import AnswerHead
from k3m_kg_evaluations.settings import QuestionAnsweringSettings
from k3m_kg_evaluations.templates import wordings

_RANKS = (1, 3, 10)
_MOST_CHECKED = 4_000
_PROBE = TuneSettings(
    epochs=30, patience=5, batch_size=128, head_learning_rate=2e-3, weight_decay=0.05
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Questions, what they ask in words, and what answers them.

    Attributes:
        answers_A: the value ids that are ranked, ascending.
        texts_W: the questions in words, by property: `first[p]` up to `first[p] + wordings`.
    """

    answers_A: np.ndarray
    first: dict[int, int]
    wordings: int
    texts_W: list[str]

    @classmethod
    def of(
        cls, opened: OpenModel, names: np.ndarray, settings: QuestionAnsweringSettings
    ) -> _Asked:
        catalog = opened.batcher.catalog
        ids = names.tolist()
        texts = wordings(
            [spoken(catalog.properties[name]) for name in ids], settings.language, settings.template
        )
        answers = np.unique(np.concatenate([catalog.candidates[name] for name in ids]))
        first = {name: place * len(texts[0]) for place, name in enumerate(ids)}
        return cls(answers, first, len(texts[0]), [text for row in texts for text in row])

    def wording(self, questions: Triples) -> np.ndarray:
        """(Q,) the question in words: which of the ways depends on the product."""
        first_Q = np.array([self.first[name] for name in questions.properties.tolist()], np.int64)
        return first_Q + (questions.rows * 2654435761 >> 8) % self.wordings


class QuestionAnswering(Evaluation[OpenModel]):
    """Asks about the properties of products."""

    ranks = False
    measure = "mrr"
    each_alone = True

    def __init__(self, settings: QuestionAnsweringSettings) -> None:
        self.settings = settings
        self._outcomes: dict[str, Outcomes] = {}
        self._kept: tuple[OpenModel, _Fitted] | None = None

    def run(self, opened: OpenModel, split: str, progress: StageProgress) -> dict[str, Any]:
        """`metrics`: `rank@1`, `rank@3`, `rank@10`, `mrr` over all questions. `leaking`: the same
        with the asked values left in the titles; those of training too, where a probe is fitted.

        Raises:
            UsageError: an unknown property, nothing to ask, or `links` of a model without ranks.
        """
        asked, usual = self.settings, opened.trained.validation
        hide = usual.hide if asked.hide is None else asked.hide
        cut_title = usual.cut_title if asked.cut_title is None else asked.cut_title
        if asked.mode == "links" and not opened.trained.ranks:
            raise UsageError("this model cannot rank values", where="--set mode=links")
        batcher, catalog = opened.batcher, opened.batcher.catalog
        questions, truth, never = questions_of(batcher, split, asked.properties)
        questions = questions[np.lexsort((questions.rows, questions.properties))]
        hidden = property_ids(catalog, hide, "--hide")
        source = Partial.hiding(batcher, asked.hide_modalities, "--hide-modality")
        names = np.unique(questions.properties)
        about = _Asked.of(opened, names, asked)
        shown = Visibility(hidden, never, cut_title)
        answering: _Links | _Fitted = _Links(opened, asked)
        if asked.mode != "links":
            answering = self._fitted(opened, about, names, shown, progress)
        with held_out_included(batcher):
            ranks = answering.ranks(source, questions, truth, about, shown, progress)
        items = question_items(catalog, questions)
        self._outcomes = {
            name: Scores(items, questions.rows, score_Q, np.zeros(len(items)))
            for name, score_Q in _scores(ranks).items()
        }
        per_property = {}
        for name in names.tolist():
            mine = np.flatnonzero(questions.properties == name)
            some = _scores(ranks.of(mine))
            figures = {key: float(score.mean()) for key, score in some.items()}
            per_property[catalog.properties[name]] = figures | {"questions": len(mine)}
        report: dict[str, Any] = {
            "mode": asked.mode,
            "cut_title": cut_title,
            "hide": list(hide),
            "hide_modalities": list(asked.hide_modalities),
            "metrics": {name: found.figure() for name, found in self._outcomes.items()}
            | {
                "questions": len(questions),
                "unseen": int(ranks.unseen_Q.sum()),
                "answers": len(about.answers_A),
            },
            "per_property": per_property,
            "examples": about.texts_W[:3],
        }
        whole = opened.snapshot.corruption is None
        if asked.leaking and whole and cut_title and "title" in opened.trained.sees:
            open_title = Visibility(hidden, never, cut_title=False)
            if asked.mode == "probe":  # one that learned from titles with the answers in them
                answering = _Fitted.fit(opened, about, names, open_title, asked, progress)
            with held_out_included(batcher):
                leaking = answering.ranks(source, questions, truth, about, open_title, progress)
            figures = {name: float(s.mean()) for name, s in _scores(leaking).items()}
            report["leaking"] = {"why": "the asked value is left in the title"} | figures
        if asked.baselines:
            competitors = Competitors.of(opened, asked.hide_modalities, progress, usual=False)
            report |= self._beside(
                opened, questions, truth, items, hidden, cut_title, competitors, split
            )
        return report

    def outcomes(self) -> dict[str, Outcomes]:
        """By question; questions about one product are drawn together."""
        return self._outcomes

    def lines(self, report: dict[str, Any]) -> Iterator[str]:
        """The figures with their intervals, a row per property, the competitors."""
        metrics = report["metrics"]
        yield (
            f"question answering on {report['split']} ({report['mode']}), "
            f"{metrics['questions']:,} questions such as {report['examples'][0]!r}, "
            f"{metrics['answers']:,} answers to choose from ({metrics['unseen']:,} questions with "
            f"an answer unseen in training); {about_title(report)}"
        )
        names = [f"rank@{k}" for k in _RANKS] + ["mrr"]
        figures = {name: metrics[name] for name in names}
        yield from figure_lines(figures, intervals=report.get("intervals"))
        rows = {"this model": metrics}
        rows |= {called(name): row for name, row in report.get("baselines", {}).items()}
        if "leaking" in report:
            rows["LEAKING: the value left in the title"] = report["leaking"]
        rows |= report["per_property"]
        width = max(24, *map(len, rows))
        yield f"\n{'':{width}} " + " ".join(f"{name:>8}" for name in names)
        for label, row in rows.items():
            yield f"{label:{width}} " + " ".join(f"{row[name]:>8.4f}" for name in names)
        yield from verdict_lines(report)

    def _fitted(
        self,
        opened: OpenModel,
        about: _Asked,
        names: np.ndarray,
        shown: Visibility,
        progress: StageProgress,
    ) -> _Fitted:
        """Fitted once for a model and all views of its snapshot: they have the same train part."""
        home = opened.whole or opened
        if self._kept is None or self._kept[0] is not home:
            self._kept = home, _Fitted.fit(home, about, names, shown, self.settings, progress)
        return self._kept[1]

    def _beside(
        self,
        opened: OpenModel,
        questions: Triples,
        truth: Triples,
        items: np.ndarray,
        hide: np.ndarray,
        cut_title: bool,
        competitors: Competitors,
        split: str,
    ) -> dict[str, Any]:
        """Linear models and the majority, which know which values a property takes."""
        catalog = opened.batcher.catalog
        others: dict[str, LinkRanks] = {"majority": rank_by_frequency(catalog, questions, truth)}
        linear, notes = competitors.link_ranks(
            opened.batcher, questions, truth, hide, cut_title=cut_title
        )
        others |= linear
        outcomes = {}
        baselines = {}
        for name, found in others.items():
            scores = _scores(Ranks.join(found.ranks))
            baselines[name] = {key: float(score.mean()) for key, score in scores.items()}
            outcomes[called(name)] = Scores(
                items, questions.rows, scores["mrr"], np.zeros(len(items))
            )
        verdict = verdict_of(
            self._outcomes["mrr"],
            outcomes,
            what="question answering",
            split=split,
            measure="MRR",
        )
        return {"baselines": baselines, "baseline_notes": notes, "verdict": verdict.model_dump()}


def _scores(ranks: Ranks) -> dict[str, np.ndarray]:
    """By question: whether the answer is among the first, and its reciprocal rank."""
    rank_Q, found_Q = ranks.realistic_Q, ~ranks.unseen_Q
    scores = {f"rank@{k}": (found_Q & (rank_Q <= k)).astype(float) for k in _RANKS}
    return scores | {"mrr": np.where(found_Q, 1 / rank_Q, 0.0)}


@dataclass(frozen=True, slots=True)
class _Links:
    """Link prediction answers: the values of the asked property come before all others."""

    opened: OpenModel
    settings: QuestionAnsweringSettings

    def ranks(
        self,
        source: ProductSource,
        questions: Triples,
        truth: Triples,
        about: _Asked,
        shown: Visibility,
        progress: StageProgress,
    ) -> Ranks:
        found = rank_questions(
            self.opened.predictor,
            source,
            questions,
            shown,
            truth=truth,
            batch_size=self.settings.batch_size,
            progress=counted(progress, "ask"),
        )
        return Ranks.join(found.ranks)


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A head on vectors of products, questions and answers."""

    predictor: LinkPredictor
    head: AnswerHead
    questions_WH: Tensor
    answers_AH: Tensor
    settings: QuestionAnsweringSettings

    @classmethod
    def fit(
        cls,
        opened: OpenModel,
        about: _Asked,
        names: np.ndarray,
        shown: Visibility,
        asked: QuestionAnsweringSettings,
        progress: StageProgress,
    ) -> _Fitted:
        """Fitted to the train products' triples, each a question that does not see it.

        Raises:
            UsageError: training has no such triples.
        """
        batcher, catalog = opened.batcher, opened.batcher.catalog
        source = Partial.hiding(batcher, asked.hide_modalities, "--hide-modality")
        train = Triples.of(batcher, opened.snapshot.rows("train")).about(names)
        train = _drawn(train[np.isin(train.values, about.answers_A)], asked.most)
        if not len(train):
            raise UsageError("the train products have no such triples", where="--property")
        every, wanted_E = asked_triples(batcher, "validation")
        checked = every[wanted_E].about(names)
        checked = _drawn(checked[np.isin(checked.values, about.answers_A)], _MOST_CHECKED)
        stated, marks = truth_of(opened.snapshot, catalog, np.arange(len(opened.snapshot)))
        shown = Visibility(shown.hide, stated[is_held_out(marks)], shown.cut_title)
        words = text_vectors(opened, about.texts_W)
        if words is None:  # a model without words knows a question by its property
            words = property_vectors(opened, np.repeat(names, about.wordings))
        questions_WH, answers_AH = words, value_vectors(opened, about.answers_A)
        device = opened.trained.device

        uncut = "" if shown.cut_title else " without the cut"

        def frozen(some: Triples, stage: str) -> Tensor:
            blocks = heads_of(
                opened.predictor,
                source,
                some,
                shown,
                batch_size=asked.batch_size,
                progress=counted(progress, stage + uncut, len(some)),
            )
            found = [*blocks]
            return torch.cat(found) if found else questions_WH.new_zeros(0, 0)

        with held_out_included(batcher):
            products_NH = frozen(train, "encode")
            checked_CH = frozen(checked, "encode validation")
        torch.manual_seed(0)
        head = AnswerHead(products_NH, questions_WH, answers_AH).to(device)
        wording_N = torch.from_numpy(about.wording(train)).to(device)
        wording_C = torch.from_numpy(about.wording(checked)).to(device)
        target_N = torch.from_numpy(places(about.answers_A, train.values)).to(device)
        target_C = places(about.answers_A, checked.values)

        def logits(product_QH: Tensor, wording_Q: Tensor) -> Tensor:
            found: Tensor = head(product_QH, questions_WH[wording_Q], answers_AH)
            return found

        def score_of(product_CH: Tensor) -> float | None:
            if not len(checked):
                return None
            found = logits(product_CH, wording_C)
            best = found.argmax(1).cpu().numpy()
            return float(np.mean(best == target_C))

        def loss(chosen: np.ndarray) -> Tensor:
            mine = torch.from_numpy(chosen).to(device)
            found = logits(products_NH[mine], wording_N[mine])
            return torch.nn.functional.cross_entropy(found, target_N[mine])

        tune(None, head, len(train), loss, lambda: score_of(checked_CH), _PROBE)
        predictor = opened.predictor
        if asked.mode == "finetune":
            model = copy.deepcopy(opened.predictor)

            def whole_loss(chosen: np.ndarray) -> Tensor:
                mine = torch.from_numpy(chosen).to(device)
                vectors = heads_to_train(model, source, train[chosen], shown)
                found = logits(vectors, wording_N[mine])
                return torch.nn.functional.cross_entropy(found, target_N[mine])

            def check() -> float | None:
                blocks = heads_of(model, source, checked, shown, batch_size=asked.batch_size)
                return score_of(torch.cat([*blocks])) if len(checked) else None

            settings = TuneSettings(epochs=asked.epochs, batch_size=opened.trained.batch_size)
            told = counted_stages(progress)
            with held_out_included(batcher):
                tune(model, head, len(train), whole_loss, check, settings, progress=told)
            predictor = model
        return cls(predictor, head.eval(), questions_WH, answers_AH, asked)

    @torch.no_grad()
    def ranks(
        self,
        source: ProductSource,
        questions: Triples,
        truth: Triples,
        about: _Asked,
        shown: Visibility,
        progress: StageProgress,
    ) -> Ranks:
        wording_Q = torch.from_numpy(about.wording(questions)).to(self.questions_WH.device)
        blocks = heads_of(
            self.predictor,
            source,
            questions,
            shown,
            batch_size=self.settings.batch_size,
            progress=counted(progress, f"ask{'' if shown.cut_title else ' without the cut'}"),
        )
        vectors_QH = torch.cat([*blocks])
        parts = []
        catalog = source.catalog
        order = np.zeros(len(questions), np.int64)
        done = 0
        for name in np.unique(questions.properties).tolist():
            mine = np.flatnonzero(questions.properties == name)
            columns = np.arange(len(about.answers_A))
            if self.settings.answers == "property":
                columns = places(about.answers_A, catalog.candidates[name])
            scores_QC = self.head(
                vectors_QH[mine], self.questions_WH[wording_Q[mine]], self.answers_AH
            )[:, torch.from_numpy(columns).to(vectors_QH.device)]

            def some(rows: np.ndarray, part: slice, scores_QC: Tensor = scores_QC) -> Tensor:
                return scores_QC[torch.from_numpy(rows).to(scores_QC.device)][:, part].clone()

            asked = questions[mine]
            known = _known(asked, truth, name, about.answers_A[columns])
            target_Q = places(about.answers_A[columns], asked.values)
            parts.append(rank_scores(some, target_Q, len(columns), known))
            order[done : done + len(mine)] = mine
            done += len(mine)
        found = Ranks.join(parts)
        return found.of(np.argsort(order))


def _known(
    asked: Triples, truth: Triples, name: int, answers: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(question, answer) pairs that are true of the questions' products and property."""
    mine = truth.about(np.array([name]))
    mine = mine[np.isin(mine.values, answers)]
    order = np.argsort(mine.rows, kind="stable")
    rows, place = mine.rows[order], places(answers, mine.values[order])
    first = np.searchsorted(rows, asked.rows, "left")
    count = np.searchsorted(rows, asked.rows, "right") - first
    question = np.repeat(np.arange(len(asked)), count)
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return question, place[first[question] + within]


def _drawn(triples: Triples, most: int) -> Triples:
    if len(triples) <= most:
        return triples
    return triples[np.sort(np.random.default_rng(0).permutation(len(triples))[:most])]
