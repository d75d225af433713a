"""Writers of one process stand in line."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from k3m_kg.errors import GraphError
from k3m_kg.graph.database.turns import Turns
from k3m_kg.graph.store import GraphStore
from tests.processes import HANG


def test_the_turn_comes_in_the_order_in_which_it_was_asked_for() -> None:
    turns, came = Turns(), list[int]()
    assert turns.take_now()
    assert not turns.take_now()
    threads = []
    for number in range(5):
        before = len(turns._line)

        def work(number: int = number) -> None:
            assert turns.take(HANG)
            came.append(number)
            turns.give()

        threads.append(threading.Thread(target=work))
        threads[-1].start()
        while len(turns._line) == before:
            pass  # until it stands in line
    turns.give()
    for thread in threads:
        thread.join(HANG)
    assert came == [0, 1, 2, 3, 4]
    assert turns.take_now()


def test_who_waits_in_vain_leaves_the_line() -> None:
    turns = Turns()
    assert turns.take_now()
    assert not turns.take(0.01)
    turns.give()
    assert turns.take_now()


def test_a_second_writer_of_the_same_store_is_told_and_changes_nothing(tmp_path: Path) -> None:
    store, _ = GraphStore.create(f"sqlite:///{tmp_path / 'graph.db'}")
    waited = list[bool]()
    with (
        store.writing(),
        pytest.raises(GraphError, match="writing for more than"),
        store.writing(patience=0.05, on_wait=lambda: waited.append(True)),
    ):
        pass
    assert waited == [True]
    with store.writing(patience=0.0):  # the turn was given back
        pass
