"""Mixes regressions with what training by steps has learned, when it has."""

from __future__ import annotations

import numpy as np
import torch

from k3m_kg.batches.batcher import Batcher
from k3m_kg.engine.precision import computing
from k3m_kg.lpm.answer_index import places
from k3m_kg.lpm.evidence.mixing import Answered, mixture
from k3m_kg.lpm.questions import PropertyVectors, Triples, Visibility, answerable, ask
from k3m_kg.model.k3m import K3M
from k3m_kg.training.evidence import without

_TOGETHER = 128
_QUESTIONS = 2_000
"""Of each set of hidden modalities at most so many, drawn at random."""
_MOST_CANDIDATES = 5_000
_NEVER = -1e9
"""Score of a further true value, which is no wrong answer."""


@torch.no_grad()
def fit_mixture(model: K3M, batcher: Batcher, rows: np.ndarray, hide: np.ndarray) -> None:
    """Choose the weights by questions about validation products, of each set that may be missing.

    Args:
        model: trained, with regressions; else nothing happens.
        batcher: of the training snapshot.
        rows: validation products that may be chosen by.
        hide: properties that no question sees.
    """
    evidence = model.evidence
    if evidence is None or evidence.regressions is None or not len(rows):
        return
    regressions, catalog = evidence.regressions, batcher.catalog
    truth = Triples.of(batcher, np.sort(rows))
    questions = truth.about(answerable(catalog))
    names = list(model.views())
    vectors = PropertyVectors(model, batcher, int(rows[0]))
    training = model.training
    model.eval()
    try:
        for number, hidden in enumerate(regressions.hidden):
            random = np.random.default_rng(number)
            chosen = random.permutation(len(questions))[:_QUESTIONS]
            gone = [name for bit, name in enumerate(names) if hidden >> bit & 1]
            some = questions[np.sort(chosen)]
            cut = not hidden & regressions.whole
            found = _answered(model, batcher, some, truth, vectors, hide, gone, cut=cut)
            for name, weights in mixture(found).items():
                regressions.mix[hidden, name] = weights
    finally:
        model.train(training)


def _answered(
    model: K3M,
    batcher: Batcher,
    questions: Triples,
    truth: Triples,
    vectors: PropertyVectors,
    hide: np.ndarray,
    gone: list[str],
    *,
    cut: bool,
) -> dict[int, list[Answered]]:
    """What both say of some questions, by property."""
    evidence, catalog = model.evidence, batcher.catalog
    assert evidence is not None
    assert evidence.regressions is not None
    device = next(model.parameters()).device
    found: dict[int, list[Answered]] = {}
    for name in np.unique(questions.properties).tolist():
        candidates = catalog.candidates[name]
        if not 1 < len(candidates) <= _MOST_CANDIDATES or not evidence.regressions.has(name):
            continue
        mine = questions.about(np.array([name]))
        target = places(candidates, mine.values)
        mine, target = mine[target >= 0], target[target >= 0]
        about = truth.about(np.array([name]))
        for start in range(0, len(mine), _TOGETHER):
            part = mine[start : start + _TOGETHER]
            target_Q = torch.from_numpy(target[start : start + _TOGETHER])
            batch = ask(batcher, part, Visibility(hide=hide, cut_title=cut)).to(device)
            with computing(model.precision, device):
                heads = model.asked(without(batch, gone))
            share_QC, _ = evidence.shares(heads, vectors(name))
            scores_QC = model.without_regressions(heads, vectors(name)).float().cpu()
            share_QC = share_QC.float().cpu()
            other_QC = torch.from_numpy(_others(part, about, candidates))
            other_QC[torch.arange(len(part)), target_Q] = False
            scores_QC = scores_QC.masked_fill(other_QC, _NEVER)
            found.setdefault(name, []).append(Answered(share_QC, scores_QC, target_Q))
    return found


def _others(asked: Triples, truth: Triples, candidates: np.ndarray) -> np.ndarray:
    """(Q, C) bool, values that are true of the questions' products."""
    true_QC = np.zeros((len(asked), len(candidates)), bool)
    place = places(candidates, truth.values)
    for number, row in enumerate(asked.rows.tolist()):
        true_QC[number, place[(truth.rows == row) & (place >= 0)]] = True
    return true_QC
