"""Link prediction on a snapshot: how well missing values would be filled in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from k3m_kg.batches.batcher import Batcher
from k3m_kg.batches.split_questions import held_out_included, questions_of
from k3m_kg.contracts import Catalog, LinkPredictor, Outcomes, Scores, Verdict
from k3m_kg.evaluation.baselines.competitors import MAJORITY, Competitors, called
from k3m_kg.evaluation.comparison import Asked, compare
from k3m_kg.evaluation.leaks import find_leaks, leakage_report
from k3m_kg.evaluation.measured import Measured, question_items
from k3m_kg.lpm.link_ranks import LinkRanks, rank_by_frequency, rank_questions
from k3m_kg.lpm.questions import Triples, Visibility, property_ids
from k3m_kg.lpm.ranking import Ranks
from k3m_kg.progress import Advance
from k3m_kg.use.partial import Partial

_MAJORITY = ("mrr", "hits@1", "hits@3", "hits@10")


def evaluate_link_prediction(
    predictor: LinkPredictor,
    batcher: Batcher,
    split: str = "test",
    *,
    properties: Sequence[str] = (),
    hide: Sequence[str] = (),
    cut_title: bool = True,
    leakage: bool = True,
    batch_size: int = 256,
    without: Sequence[str] = (),
    competitors: Competitors | None = None,
    progress: Advance | None = None,
) -> Measured:
    """Ask for every triple of a split's products in turn, and rank the values of its property.

    Of `validation` and `test` products, which training never saw, all triples are asked, and with
    `validation` those that the snapshot holds out for it of train products; with `train` those
    that it holds out for test. See `k3m_kg.lpm.questions` for what
    a question may see, `k3m_kg.lpm.ranking` for the ranks.

    Args:
        predictor: any link predictor.
        batcher: of the snapshot.
        split: `train`, `validation` or `test`.
        properties: the properties asked; where empty, all with at least two values in training.
        hide: properties that no question sees.
        cut_title: cut the asked value's words out of the title.
        leakage: also report what is left without the questions whose answer is given away.
        batch_size: questions in one forward pass.
        without: modalities that no question sees.
        competitors: linear models that are asked the same.
        progress: told of questions done.

    Returns:
        The items of `macro_hits@1` and `macro_mrr`, and a report of
        `task`, `split`, `products`, `cut_title`, `hide`, `hide_modalities`; `metrics` over all
        questions with the means over properties as `macro_*`, and what ranking by frequency in
        training would reach as `majority_*`; `per_property` the same for each. All by realistic
        ranks, except
        `metrics.optimistic` and `metrics.pessimistic`. `leakage` as in `leakage_report`. With
        competitors `baselines`, by name the metrics of each, the same in each property's figures,
        `baseline_notes` and `verdict`.

    Raises:
        UsageError: an unknown property, or nothing to ask.
        K3MError: the predictor gave NaN scores.
    """
    questions, truth, never = questions_of(batcher, split, properties)
    questions = questions[np.lexsort((questions.rows, questions.properties))]
    catalog = batcher.catalog
    visibility = Visibility(property_ids(catalog, hide, "--hide"), never, cut_title)
    with held_out_included(batcher):
        found = rank_questions(
            predictor,
            Partial.hiding(batcher, without, "--hide-modality"),
            questions,
            visibility,
            truth=truth,
            batch_size=batch_size,
            progress=progress,
        )
    report: dict[str, Any] = {
        "task": "link-prediction",
        "split": split,
        "products": len(np.unique(questions.rows)),
        "cut_title": cut_title,
        "hide": list(hide),
        "hide_modalities": list(without),
    }
    majority = rank_by_frequency(catalog, questions, truth)
    report |= _figures(catalog, found, majority)
    if competitors is not None:
        others, notes = competitors.link_ranks(
            batcher, questions, truth, visibility.hide, cut_title=cut_title
        )
        others = {MAJORITY: majority} | others
        _add_baselines(report, others)
        report["baseline_notes"] = notes
        report["verdict"] = _verdict(found, others, questions, split, competitors).model_dump()
    if leakage:
        leaks = find_leaks(batcher, questions, visibility.hide, never)
        report["leakage"] = leakage_report(found, questions, leaks)
    return Measured(report, _outcomes(catalog, found, questions))


def _outcomes(catalog: Catalog, found: LinkRanks, questions: Triples) -> dict[str, Outcomes]:
    """Of questions that ascend by property, as their ranks do."""
    every = Ranks.join(found.ranks)
    items = question_items(catalog, questions)
    scores = {
        "macro_hits@1": every.first_Q.astype(float),
        "macro_mrr": np.where(every.unseen_Q, 0.0, 1 / every.realistic_Q),
    }
    return {
        name: Scores(items, questions.rows, score_Q, questions.properties)
        for name, score_Q in scores.items()
    }


def _figures(catalog: Catalog, found: LinkRanks, majority: LinkRanks) -> dict[str, Any]:
    every, baseline = Ranks.join(found.ranks), majority.metrics()
    metrics: dict[str, Any] = found.metrics() | {
        f"majority_{key}": baseline[key] for key in (*_MAJORITY, *(f"macro_{k}" for k in _MAJORITY))
    }
    metrics |= {
        "questions": len(every.unseen_Q),
        "unseen": int(every.unseen_Q.sum()),
        "optimistic": every.metrics("optimistic"),
        "pessimistic": every.metrics("pessimistic"),
    }
    sizes = {
        name: len(ids) for name, ids in zip(catalog.properties, catalog.candidates, strict=True)
    }
    reference = majority.per_property()
    per_property = {
        name: row
        | {"candidates": sizes[name]}
        | {f"majority_{key}": reference[name][key] for key in _MAJORITY}
        for name, row in found.per_property().items()
    }
    return {"metrics": metrics, "per_property": per_property}


def _add_baselines(report: dict[str, Any], others: dict[str, LinkRanks]) -> None:
    report["baselines"] = {name: ranks.metrics() for name, ranks in others.items()}
    each = {name: ranks.per_property() for name, ranks in others.items()}
    for name, row in report["per_property"].items():
        row["baselines"] = {
            other: {key: rows[name][key] for key in _MAJORITY} for other, rows in each.items()
        }


def _verdict(
    found: LinkRanks,
    others: dict[str, LinkRanks],
    questions: Triples,
    split: str,
    competitors: Competitors,
) -> Verdict:
    return compare(
        Ranks.join(found.ranks).first_Q,
        {called(name): Ranks.join(ranks.ranks).first_Q for name, ranks in others.items()},
        Asked(questions.rows, questions.properties),
        what="link prediction",
        split=split,
        measure="mean Hits@1 over properties",
        usual=competitors.usual,
    )
