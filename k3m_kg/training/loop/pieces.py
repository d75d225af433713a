"""What each step of an epoch learns from: the same products, whoever computes which piece."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from k3m_kg.batches.batcher import Batcher
from k3m_kg.config import RunConfig
from k3m_kg.contracts import ProductBatch
from k3m_kg.engine.shares import own_pieces, piece_of
from k3m_kg.training.loop.parallel import ParallelStep

OwnPieces = tuple[list[tuple[int, ProductBatch]], bool]
"""A process's pieces of a batch with their numbers; whether all processes have some product with
each modality."""


def steps_of(products: int, batch_size: int) -> int:
    """Batches of one epoch; a last short batch is dropped unless it is the only one."""
    return max(1, products // batch_size)


class EpochPieces:
    """Makes them.

    Args:
        config: of the run.
        rows: the training products.
        batcher: makes batches of them.
        parallel: knows how many pieces there are, and whose.
    """

    def __init__(
        self, config: RunConfig, rows: np.ndarray, batcher: Batcher, parallel: ParallelStep
    ) -> None:
        self.settings = config.training
        self.first_picture = config.model.picture == "first"
        self.rows, self.batcher, self.parallel = rows, batcher, parallel

    def of_epoch(self, epoch: int, step: int, done: int) -> Iterator[OwnPieces]:
        """Those of the batches that are left.

        Args:
            epoch: from 0; decides the order.
            step: of the run, from 0.
            done: steps of the epoch that are taken.
        """
        order = np.random.default_rng((self.settings.seed, epoch)).permutation(self.rows)
        size, pieces = self.settings.batch_size, self.parallel.pieces
        for number in range(done, steps_of(len(self.rows), size)):
            rows = order[number * size : (number + 1) * size]
            made = []
            for piece in own_pieces(self.parallel.processes, pieces):
                part = piece_of(len(rows), piece, pieces)
                choice = self._picture_choice(epoch, number * size + part.start)
                batch = self.batcher.batch(rows[part], choice)
                made.append((piece, self.parallel.made(batch, step - done + number, piece)))
            yield made, self._together(rows)

    def _together(self, rows: np.ndarray) -> bool:
        if not self.parallel.processes.several:
            return True
        pieces = self.parallel.pieces
        parts = [rows[piece_of(len(rows), piece, pieces)] for piece in range(pieces)]
        views = self.batcher.modalities.values()
        return all(bool(view.has(part).any()) for view in views for part in parts)

    def _picture_choice(self, epoch: int, start: int) -> np.random.Generator | None:
        """For each piece its own generator: a run that is resumed chooses the same pictures."""
        if self.first_picture:
            return None
        return np.random.default_rng((self.settings.seed, epoch, start))
