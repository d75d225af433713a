"""Words: TF-IDF of the title, and of values that are texts, such as a description."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from k3m_kg.evaluation.baselines.inputs import Input
from k3m_kg.evaluation.baselines.view import View
from k3m_kg.lpm.questions import Triples
from k3m_kg.lpm.title_leakage import cut_value, word_spans

_MOST_WORDS = 30_000
_FEW_PRODUCTS = 2_000
"""With so few products a word that occurs once in training is a column too."""
_LENGTH = 2.0
"""Of a text, beside attributes of length 1 each."""


def _words(text: str) -> list[str]:
    lowered = text.lower()
    return [lowered[start:end] for start, end in word_spans(lowered)]


class Words(Input):
    """Texts without the words that spell the asked value.

    Args:
        title: read the title.
        texts: read long values.
    """

    def __init__(self, *, title: bool, texts: bool) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        self._title, self._texts = title, texts
        self._make = TfidfVectorizer

    def fit(self, view: View, rows: np.ndarray) -> bool:
        """The vocabulary and how common each word is."""
        least = 1 if len(rows) <= _FEW_PRODUCTS else 2
        self._vectors = self._make(
            analyzer=_words,
            min_df=least,
            max_features=_MOST_WORDS,
            sublinear_tf=True,
            dtype=np.float32,
        )
        texts = self._read(view, Triples.each(rows))
        if not any(_words(text) for text in texts):
            return False
        try:
            self._vectors.fit(texts)
        except ValueError:  # no word is left: each occurs once
            return False
        return True

    def matrix(self, view: View, questions: Triples) -> sparse.csr_matrix:
        """(Q, words), each row of length `_LENGTH`."""
        texts = self._read(view, questions)
        if view.cut_title:
            for place, values in enumerate(view.answers(questions)):
                for value in values:
                    texts[place] = cut_value(texts[place], value)
        if not texts:
            return sparse.csr_matrix((0, len(self._vectors.vocabulary_)), dtype=np.float32)
        distinct, inverse = np.unique(np.array(texts, object), return_inverse=True)
        found: sparse.csr_matrix = self._vectors.transform(distinct)[inverse]
        found.data *= np.float32(_LENGTH)
        return found

    def _read(self, view: View, questions: Triples) -> list[str]:
        count = len(questions)
        texts = view.titles(questions.rows) if self._title else [""] * count
        if self._texts and len(view.long_texts):
            question, name, value = view.seen(questions)
            mine = np.isin(name, view.long_texts)
            for place, text in zip(question[mine].tolist(), value[mine].tolist(), strict=True):
                texts[place] = f"{texts[place]} \n {view.catalog.values[text]}"
        return texts
