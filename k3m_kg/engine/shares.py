"""How a step's batch is cut for several processes, and for one that accumulates.

The order of products, the pieces of a batch and what is drawn at random for a piece follow from the
seed and their numbers alone. So a training gives the same losses on one process as on many, as long
as batches are cut into as many pieces.
"""

from __future__ import annotations

import math

import numpy as np

from k3m_kg.engine.processes import Processes
from k3m_kg.errors import ConfigError


def pieces_of(batch_size: int, accumulate: int, processes: int) -> int:
    """How many pieces a batch is cut into: at least `accumulate`, and as many for each process.

    Raises:
        ConfigError: more than products.
    """
    pieces = processes * math.ceil(accumulate / processes)
    if pieces > batch_size:
        raise ConfigError(
            f"{batch_size} products cannot be cut into {pieces} pieces, for {processes} processes",
            where="training.batch_size",
            hint="it counts the products of a step on all processes together",
        )
    return pieces


def own_pieces(processes: Processes, pieces: int) -> range:
    """The numbers of those that this process computes."""
    each = pieces // processes.size
    return range(processes.rank * each, (processes.rank + 1) * each)


def piece_of(count: int, number: int, pieces: int) -> slice:
    """Where in a batch of `count` products piece `number` lies; sizes differ by one at most."""
    return slice(number * count // pieces, (number + 1) * count // pieces)


def seed_of(seed: int, step: int, piece: int, what: int) -> int:
    """What a generator of a piece begins with; `what` tells its generators apart."""
    sequence = np.random.SeedSequence((seed, step, piece, what))
    return int(sequence.generate_state(1, np.uint32)[0])
