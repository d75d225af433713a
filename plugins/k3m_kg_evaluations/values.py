"""A value and the products that have it: each property's values against the products that state it.

A product that does not state the property may have the value all the same, so it is not searched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from k3m_kg.api import (
    Competitors,
    OpenModel,
    Partial,
    PropertyVectors,
    StageProgress,
    Triples,
    Visibility,
    asked_of,
    counted,
    cut_value,
    fit_linear,
    fit_probe,
    heads_of,
    held_out_included,
    property_ids,
    questions_of,
    truth_of,
    word_spans,
)

_MOST_FITTED = 20_000


@dataclass(frozen=True, slots=True)
class Search:
    """One property's values, searched for among the products of a split that state it.

    Attributes:
        name: the property's id.
        rows: (N,) the products.
        values: (Q,) value ids, each of some of the products and not of all.
        right_QN: bool, which products have which value.
        scores_QN: how the model orders the products.
        simple: the same of competitors, by what people call them.
    """

    name: int
    rows: np.ndarray
    values: np.ndarray
    right_QN: np.ndarray
    scores_QN: np.ndarray
    simple: dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """How it is asked.

    Attributes:
        properties: by name; where empty, all with at least two values in training.
        hide: names of properties that no product shows.
        cut_title: cut the words of the property's values out of the titles.
        without: parts of a product that are not shown.
        most, most_values, batch_size: as in `RetrievalSettings`.
    """

    properties: tuple[str, ...]
    hide: tuple[str, ...]
    cut_title: bool
    without: tuple[str, ...]
    most: int
    most_values: int
    batch_size: int


def searches(
    opened: OpenModel,
    split: str,
    asked: SearchSettings,
    competitors: Competitors | None,
    progress: StageProgress,
) -> Iterator[Search]:
    """One for each property of which a value can be searched for.

    Raises:
        UsageError: an unknown property, or nothing to ask.
    """
    batcher, catalog = opened.batcher, opened.batcher.catalog
    questions, truth, never = questions_of(batcher, split, asked.properties)
    hide = property_ids(catalog, asked.hide, "--hide")
    visibility = Visibility(hide, never, asked.cut_title)
    source = Partial.hiding(batcher, asked.without, "--hide-modality")
    mine = opened.rows(split)
    told = counted(progress, "search")
    read = None
    if competitors is not None:
        read = competitors.reading(batcher, hide, cut_title=asked.cut_title)
    vectors = PropertyVectors(opened.predictor, source, int(questions.rows[0]))
    every, marks = truth_of(opened.snapshot, catalog, np.arange(len(opened.snapshot)))
    known = every[(marks == 0) & (opened.snapshot.split[every.rows] == 0)]
    checked = every[opened.snapshot.split[every.rows] == 1]
    for name in np.unique(questions.properties).tolist():
        stated = truth.about(np.array([name]))
        stated = stated[np.isin(stated.rows, mine)]
        rows = _drawn(np.unique(stated.rows), asked.most)
        stated = stated[np.isin(stated.rows, rows)]
        values, right_QN = _right(stated, rows, catalog.candidates[name], asked.most_values)
        if not len(values):
            continue
        fitted = _drawn_triples(known.about(np.array([name])))
        chosen = checked.about(np.array([name]))
        with held_out_included(batcher):
            about = Triples.each(rows, name)
            if opened.trained.ranks:
                heads = asked_of(
                    opened.predictor,
                    source,
                    about,
                    visibility,
                    batch_size=asked.batch_size,
                    progress=told,
                )
                candidates = vectors(name)
                with torch.no_grad():
                    parts = [
                        opened.predictor.score(some, candidates).double().log_softmax(1)
                        for some in heads
                    ]
                scores_NC = torch.cat(parts).cpu().numpy()
                place_Q = np.searchsorted(catalog.candidates[name], values)
                scores_QN = scores_NC[:, place_Q].T
            else:
                every_rows = [Triples.each(part.rows, name) for part in (fitted, chosen)]
                found = [
                    _encoded(opened, source, some, visibility, asked.batch_size)
                    for some in (*every_rows, about)
                ]
                probe = fit_probe((found[0], fitted.values), (found[1], chosen.values))
                scores_QN = _of_classes(probe.logits(found[2]), probe.classes, values)
        simple: dict[str, np.ndarray] = {}
        if read is not None:
            some = [part[np.isin(part.values, values)] for part in (fitted, chosen)]
            train, check, ask = (
                read(Triples.each(part, name)) for part in (some[0].rows, some[1].rows, rows)
            )
            if train and len(np.unique(some[0].values)) > 1:
                key = "all" if "all" in train else next(iter(train))
                model = fit_linear((train[key], some[0].values), (check[key], some[1].values))
                simple["linear"] = _of_classes(model.logits(ask[key]), model.classes, values)
        cut = stated if asked.cut_title else None
        simple["word search"] = _word_search(opened, rows, cut, values)
        yield Search(name, rows, values, right_QN, scores_QN, simple)


def _encoded(
    opened: OpenModel, source: object, questions: Triples, visibility: Visibility, batch_size: int
) -> np.ndarray:
    blocks = heads_of(
        opened.predictor,
        source,  # type: ignore[arg-type]
        questions,
        visibility,
        batch_size=batch_size,
    )
    found = [head_BH.cpu().numpy() for head_BH in blocks]
    return np.concatenate(found) if found else np.empty((0, 0), np.float32)


def _right(
    stated: Triples, rows: np.ndarray, known: np.ndarray, most: int
) -> tuple[np.ndarray, np.ndarray]:
    """The values to search for, and who has which."""
    values, counts = np.unique(stated.values, return_counts=True)
    usable = np.isin(values, known) & (counts < len(rows))
    values, counts = values[usable], counts[usable]
    values = np.sort(values[np.argsort(-counts, kind="stable")[:most]])
    right_QN = np.zeros((len(values), len(rows)), bool)
    mine = stated[np.isin(stated.values, values)]
    right_QN[np.searchsorted(values, mine.values), np.searchsorted(rows, mine.rows)] = True
    return values, right_QN


def _of_classes(logits_NK: np.ndarray, classes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(Q, N) log-probabilities of values; the least where a model gives a value no weight."""
    top_N1 = logits_NK.max(1, keepdims=True)
    shares = logits_NK - top_N1 - np.log(np.exp(logits_NK - top_N1).sum(1, keepdims=True))
    place_Q = np.minimum(np.searchsorted(classes, values), len(classes) - 1)
    found: np.ndarray = shares[:, place_Q].T
    found[classes[place_Q] != values] = -1e4
    return found


def _words(text: str) -> list[str]:
    return [text[start:end].lower() for start, end in word_spans(text)]


def _word_search(
    opened: OpenModel, rows: np.ndarray, cut: Triples | None, values: np.ndarray
) -> np.ndarray:
    """(Q, N) TF-IDF cosine of a value's words and a title's, as a product shows it."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [text or "" for text in opened.snapshot.titles.take(rows).to_pylist()]
    terms = opened.batcher.catalog.values
    if cut is not None:
        for row, value in zip(cut.rows.tolist(), cut.values.tolist(), strict=True):
            place = int(np.searchsorted(rows, row))
            texts[place] = cut_value(texts[place], terms[value])
    queries = [terms[value] for value in values.tolist()]
    if not any(_words(text) for text in (*texts, *queries)):
        return np.zeros((len(values), len(rows)))
    vectoriser = TfidfVectorizer(analyzer=_words, sublinear_tf=True).fit([*texts, *queries])
    found = vectoriser.transform(queries) @ vectoriser.transform(texts).T
    return np.asarray(found.toarray(), float)


def _drawn(rows: np.ndarray, most: int) -> np.ndarray:
    if len(rows) <= most:
        return rows
    found: np.ndarray = np.sort(np.random.default_rng(0).permutation(rows)[:most])
    return found


def _drawn_triples(triples: Triples) -> Triples:
    if len(triples) <= _MOST_FITTED:
        return triples
    return triples[np.sort(np.random.default_rng(0).permutation(len(triples))[:_MOST_FITTED])]
