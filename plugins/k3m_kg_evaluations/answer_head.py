"""Scores answers to a question about a product, from frozen vectors of all three.

Q questions, W different questions in words, A answers, H numbers of a vector.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_WIDTH = 96
_STILL = 1e-6


class AnswerHead(nn.Module):
    """`<u, v>`, where `u` says what product and question ask for, and `v` is the answer.

    `u` adds up what each says and what they say together; an answer is read from its vector and has
    one of its own besides, so that answers which are alike in words can be told apart.

    Args:
        products_NH, questions_WH, answers_AH: of training, by which they are centred and scaled.
    """

    def __init__(self, products_NH: Tensor, questions_WH: Tensor, answers_AH: Tensor) -> None:
        super().__init__()
        for name, vectors in (
            ("product", products_NH),
            ("question", questions_WH),
            ("answer", answers_AH),
        ):
            spread = vectors.std(0, correction=0)
            self.register_buffer(f"{name}_mean", vectors.mean(0))
            scale = torch.where(spread > _STILL, 1 / spread.clamp_min(_STILL), 0.0)
            self.register_buffer(f"{name}_scale", scale)
        self.product = nn.Linear(products_NH.shape[1], _WIDTH)
        self.gate = nn.Linear(questions_WH.shape[1], _WIDTH)
        self.question = nn.Linear(questions_WH.shape[1], _WIDTH)
        self.answer = nn.Linear(answers_AH.shape[1], _WIDTH)
        self.own = nn.Parameter(torch.zeros(len(answers_AH), _WIDTH))
        self.bias = nn.Parameter(torch.zeros(len(answers_AH)))
        self.dropout = nn.Dropout(0.1)

    def _scaled(self, name: str, vectors: Tensor) -> Tensor:
        found = (vectors - self.get_buffer(f"{name}_mean")) * self.get_buffer(f"{name}_scale")
        return self.dropout(found)  # type: ignore[no-any-return]

    def forward(self, product_QH: Tensor, question_QH: Tensor, answers_AH: Tensor) -> Tensor:
        """(Q, A) logits."""
        product = self.product(self._scaled("product", product_QH))
        question = self._scaled("question", question_QH)
        wanted = product * (1 + self.gate(question)) + self.question(question)
        answers = self.answer(self._scaled("answer", answers_AH)) + self.own
        found: Tensor = wanted @ answers.T / _WIDTH**0.5 + self.bias
        return found
