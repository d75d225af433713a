"""What in a catalog probably belongs to another product: the link-prediction scores, turned round.

values  each triple is asked with itself hidden; suspicious is one whose value the model finds
        much less probable than another. Suspicion: log p(best other) - log p(stated).
titles  how well the title, by itself, predicts the values of its product; suspicious is one
        that predicts them worse than the titles of other products do. Suspicion: the mean over
        the triples of log p(value | any title) - log p(value | this title), which is minus the
        pointwise mutual information of title and value; p(. | any title) is the mean over a
        sample of products.
images  the same with the first picture.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from k3m_kg.batches.batcher import Batcher
from k3m_kg.batches.split_questions import held_out_included
from k3m_kg.contracts import Heads, LinkPredictor, Modality
from k3m_kg.lpm.questions import PropertyVectors, Triples, answerable, asked_of
from k3m_kg.lpm.ranking import SCORES_AT_ONCE, checked_scores
from k3m_kg.progress import Advance
from k3m_kg.use.calibration.answers import true_candidates
from k3m_kg.use.completion.proposing import SEE_ALL, Temperature
from k3m_kg.use.completion.ruled_out import NOTHING_RULED_OUT, RuledOut
from k3m_kg.use.partial import Partial

VALUES = "values"
_PLURAL = {"title": "titles", "image": "images"}
_SINGULAR = {plural: name for name, plural in _PLURAL.items()}


def kinds_of(modalities: Mapping[str, Modality]) -> dict[str, str | None]:
    """What a model with these modalities can audit, and the modality that each kind judges.

    `values`, and each modality: `titles`, `images`, a further one by its own name. Not one that is
    made of triples: it says of a product what the values themselves say.
    """
    judged = [name for name, modality in modalities.items() if not modality.of_triples]
    return {VALUES: None} | {_PLURAL.get(name, name): name for name in judged}


_PRODUCTS_AT_ONCE = 1024
_SAMPLE = 500


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that may belong to another product.

    Attributes:
        kind: `value`, or the modality: `title`, `image`, ...
        property: of a value, its property; of a title or image, the one that it disagrees most on.
        stated: the value that the product has of it.
        better: the value that the model expects, or that the title or image speaks for.
        probability, better_probability: of the two.
        suspicion: comparable within a kind; higher is more suspicious, 0 is undecided.
        content: the title, or the SHA-256 of the picture; None of a value.
    """

    kind: str
    product: str
    property: str
    stated: str
    better: str
    probability: float
    better_probability: float
    suspicion: float
    content: str | None = None

    def record(self) -> dict[str, Any]:
        """As it is written in JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Audit:
    """The most suspicious findings of one kind.

    Attributes:
        findings: most suspicious first.
        judged: triples, titles or images that were looked at.
        skipped: those that cannot be judged: a value unseen in training, the only one of its
            property, or confirmed by people; a title or image of a product without a triple to
            compare with.
    """

    findings: list[Finding]
    judged: int
    skipped: int


@dataclass(frozen=True, slots=True)
class _Judged:
    """Q stated values and what the model says of them; log-probabilities."""

    questions: Triples
    stated_Q: np.ndarray
    best_Q: np.ndarray
    best_value_Q: np.ndarray


_Part = tuple[int, np.ndarray, int, Callable[[int], Finding]]
"""Some products: how many, the suspicions, how much cannot be judged, and a suspicion's finding."""


class Auditor:
    """A predictor that looks for what is wrong in a snapshot.

    Args:
        predictor: trained on the snapshot or on another.
        batcher: of the snapshot.
        temperature: as in completion; for values only, as it is fitted to whole products and not to
            titles or images alone.
        batch_size: questions in one forward pass.
        ruled_out: values that people confirmed are not doubted; they cannot be judged.
    """

    def __init__(
        self,
        predictor: LinkPredictor,
        batcher: Batcher,
        *,
        temperature: Temperature = lambda name: 1.0,
        batch_size: int = 256,
        ruled_out: RuledOut = NOTHING_RULED_OUT,
    ) -> None:
        self._ruled_out = ruled_out
        self._predictor, self._batcher = predictor, batcher
        self._temperature, self._batch_size = temperature, batch_size
        self._vectors = PropertyVectors(predictor, batcher, 0)
        self._asked = answerable(batcher.catalog)

    def audit(
        self, kind: str, rows: np.ndarray, top: int, progress: Advance | None = None
    ) -> Audit:
        """The `top` most suspicious values, titles or images of some products.

        `progress` counts products. Memory does not grow with their number.

        Raises:
            K3MError: the predictor gave NaN scores.
        """
        modality = _SINGULAR.get(kind, kind)
        values = kind == VALUES
        parts = self._values(rows) if values else self._contents(modality, rows)
        findings: list[Finding] = []
        judged = skipped = 0
        for products, suspicion_F, left_out, find in parts:
            judged += len(suspicion_F)
            skipped += left_out
            chosen = np.argsort(-suspicion_F, kind="stable")[:top]
            found = [find(int(place)) for place in chosen]
            findings = heapq.nlargest(top, [*findings, *found], key=lambda item: item.suspicion)
            if progress:
                progress(products)
        return Audit(findings, judged, skipped)

    def _values(self, rows: np.ndarray) -> Iterator[_Part]:
        for start in range(0, len(rows), _PRODUCTS_AT_ONCE):
            block = rows[start : start + _PRODUCTS_AT_ONCE]
            with held_out_included(self._batcher):
                truth = Triples.of(self._batcher, block)
                questions, skipped = self._questions(truth)
                heads = self._heads(self._batcher, questions)
            every = np.arange(len(questions))
            judged = self._judge(questions, heads, truth, every, self._temperature)
            suspicion_Q = judged.best_Q - judged.stated_Q
            known_Q = np.isfinite(suspicion_Q) & ~self._confirmed(questions)
            places = np.flatnonzero(known_Q)

            def find(place: int, judged: _Judged = judged, places: np.ndarray = places) -> Finding:
                return self._finding("value", judged, int(places[place]))

            yield len(block), suspicion_Q[known_Q], skipped + int((~known_Q).sum()), find

    def _confirmed(self, questions: Triples) -> np.ndarray:
        """(Q,) bool: the stated value is one that people confirmed."""
        confirmed, catalog = self._ruled_out.confirmed, self._batcher.catalog
        if not confirmed:
            return np.zeros(len(questions), bool)
        ids = self._batcher.snapshot.ids
        return np.array(
            [
                catalog.values[value] in confirmed.get((ids[row], catalog.properties[name]), ())
                for row, name, value in zip(
                    questions.rows.tolist(),
                    questions.properties.tolist(),
                    questions.values.tolist(),
                    strict=True,
                )
            ],
            bool,
        )

    def _contents(self, modality: str, rows: np.ndarray) -> Iterator[_Part]:
        """Titles, or images, or what else there is of a modality."""
        only = Partial.only(self._batcher, {modality})
        rows = rows[self._batcher.modalities[modality].has(rows)]
        sample = np.random.default_rng(0).permutation(rows)[:_SAMPLE]
        usual = self._usual(only, sample) if len(sample) else {}
        for start in range(0, len(rows), _PRODUCTS_AT_ONCE):
            block = rows[start : start + _PRODUCTS_AT_ONCE]
            with held_out_included(self._batcher):
                truth = Triples.of(self._batcher, block)
                heads = self._heads(only, Triples.each(block))
            questions, _ = self._questions(truth)
            order = np.argsort(block)
            place_Q = order[np.searchsorted(block[order], questions.rows)]
            judged = self._judge(questions, heads, truth, place_Q, _undivided)
            usual_Q = np.array(
                [
                    usual[name][np.searchsorted(self._batcher.catalog.candidates[name], value)]
                    for name, value in zip(
                        questions.properties.tolist(), questions.values.tolist(), strict=True
                    )
                ]
            )
            counts_B = np.bincount(place_Q, minlength=len(block))
            total_B = np.bincount(place_Q, usual_Q - judged.stated_Q, minlength=len(block))
            places = np.flatnonzero(counts_B)
            suspicion_F = total_B[places] / counts_B[places]
            worst_B = _worst(place_Q, judged.best_Q - judged.stated_Q, len(block))

            def find(
                place: int,
                judged: _Judged = judged,
                suspicion_F: np.ndarray = suspicion_F,
                worst_F: np.ndarray = worst_B[places],
            ) -> Finding:
                return self._finding(
                    modality, judged, int(worst_F[place]), float(suspicion_F[place])
                )

            yield len(block), suspicion_F, len(block) - len(places), find

    def _questions(self, truth: Triples) -> tuple[Triples, int]:
        """The triples whose value training knows, by property, and how many others there are."""
        asked = truth.about(self._asked)
        known = np.zeros(len(asked), bool)
        for name in np.unique(asked.properties).tolist():
            mine = asked.properties == name
            known[mine] = np.isin(asked.values[mine], self._batcher.catalog.candidates[name])
        questions = asked[known]
        order = np.lexsort((questions.rows, questions.properties))
        return questions[order], len(truth) - len(questions)

    def _heads(self, source: Batcher | Partial, questions: Triples) -> Heads:
        asked = asked_of(self._predictor, source, questions, SEE_ALL, batch_size=self._batch_size)
        found = list(asked)
        return Heads.join(found) if found else Heads(torch.empty(0, 0))

    @torch.no_grad()
    def _log_probabilities(
        self, name: int, heads: Heads, left_out_QC: Tensor | None, temperature: Temperature
    ) -> Tensor:
        """(Q, C), without the candidates that are left out."""
        scores_QC = checked_scores(self._predictor.score(heads, self._vectors(name))).cpu()
        if left_out_QC is not None:
            scores_QC = scores_QC.masked_fill(left_out_QC, -torch.inf)
        divided_QC = scores_QC / temperature(self._batcher.catalog.properties[name])
        return divided_QC.log_softmax(1)

    def _judge(
        self,
        questions: Triples,
        heads: Heads,
        truth: Triples,
        head_Q: np.ndarray,
        temperature: Temperature,
    ) -> _Judged:
        """Log-probabilities of stated and best other values, other true ones left out.

        Args:
            questions: by property.
            heads: what answers them.
            truth: all that is true of the products.
            head_Q: which of them answers each question.
            temperature: by property.
        """
        stated_Q, best_Q = np.zeros(len(questions)), np.zeros(len(questions))
        best_value_Q = np.zeros(len(questions), np.int64)
        for name in np.unique(questions.properties).tolist():
            mine = np.flatnonzero(questions.properties == name)
            candidates = self._batcher.catalog.candidates[name]
            about = truth.about(np.array([name]))
            for part in np.array_split(mine, -(-len(mine) * len(candidates) // SCORES_AT_ONCE)):
                rows, row_M = np.unique(questions.rows[part], return_inverse=True)
                true_MC = true_candidates(rows, about, candidates)[row_M]
                place_M = torch.from_numpy(np.searchsorted(candidates, questions.values[part]))
                own_MC = torch.zeros_like(true_MC).scatter(1, place_M[:, None], True)
                mine_M = torch.from_numpy(head_Q[part]).to(heads.vectors_NH.device)
                log_MC = self._log_probabilities(
                    name, heads[mine_M], true_MC & ~own_MC, temperature
                )
                stated_Q[part] = log_MC.gather(1, place_M[:, None])[:, 0].numpy()
                best = log_MC.masked_fill(own_MC, -torch.inf).max(1)
                best_Q[part] = best.values.numpy()
                best_value_Q[part] = candidates[best.indices.numpy()]
        return _Judged(questions, stated_Q, best_Q, best_value_Q)

    def _usual(self, source: Partial, rows: np.ndarray) -> dict[int, np.ndarray]:
        """Per property log p(value | any title), or image: the mean over products."""
        heads = self._heads(source, Triples.each(rows))
        usual = {}
        for name in self._asked.tolist():
            some = max(1, SCORES_AT_ONCE // len(self._batcher.catalog.candidates[name]))
            log_MC = self._log_probabilities(name, heads[:some], None, _undivided)
            usual[name] = (log_MC.double().logsumexp(0) - math.log(len(log_MC))).numpy()
        return usual

    def _finding(
        self, kind: str, judged: _Judged, place: int, suspicion: float | None = None
    ) -> Finding:
        catalog, snapshot = self._batcher.catalog, self._batcher.snapshot
        row = int(judged.questions.rows[place])
        content = None
        if kind in self._batcher.modalities:
            content = self._batcher.modalities[kind].content(row)
        stated, best = float(judged.stated_Q[place]), float(judged.best_Q[place])
        return Finding(
            kind,
            snapshot.ids[row],
            catalog.properties[int(judged.questions.properties[place])],
            catalog.values[int(judged.questions.values[place])],
            catalog.values[int(judged.best_value_Q[place])],
            float(np.exp(stated)),
            float(np.exp(best)),
            best - stated if suspicion is None else suspicion,
            content,
        )


def _undivided(name: str) -> float:
    return 1.0


def _worst(owner_Q: np.ndarray, score_Q: np.ndarray, count: int) -> np.ndarray:
    """The question with the highest score of each of `count` owners, 0 where it has none."""
    worst_B = np.zeros(count, np.int64)
    order = np.argsort(score_Q, kind="stable")
    worst_B[owner_Q[order]] = order  # the last one written stays
    return worst_B
