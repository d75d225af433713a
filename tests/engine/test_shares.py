"""How batches are cut."""

from __future__ import annotations

from itertools import product

import pytest

from k3m_kg.engine.environment import ProcessPlace
from k3m_kg.engine.processes import Processes
from k3m_kg.engine.shares import own_pieces, piece_of, pieces_of, seed_of
from k3m_kg.errors import ConfigError


@pytest.mark.parametrize(("batch", "accumulate", "size"), [(64, 1, 1), (10, 3, 2), (7, 7, 1)])
def test_each_product_is_in_one_piece_of_one_process(
    batch: int, accumulate: int, size: int
) -> None:
    pieces = pieces_of(batch, accumulate, size)
    assert pieces >= accumulate
    own = [own_pieces(Processes(ProcessPlace(rank, size, rank)), pieces) for rank in range(size)]
    assert [number for part in own for number in part] == list(range(pieces))
    assert len({len(part) for part in own}) == 1
    parts = [range(batch)[piece_of(batch, number, pieces)] for number in range(pieces)]
    assert [row for part in parts for row in part] == list(range(batch))
    assert {len(part) for part in parts} <= {batch // pieces, batch // pieces + 1}


def test_there_is_a_product_for_each_piece() -> None:
    with pytest.raises(ConfigError, match="3 products cannot be cut into 4 pieces"):
        pieces_of(3, 1, 4)


def test_no_two_generators_draw_the_same() -> None:
    numbers = list(product((0, 1), range(5), range(3), (0, 1)))
    assert len({seed_of(*number) for number in numbers}) == len(numbers)
