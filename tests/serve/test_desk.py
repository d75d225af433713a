"""The desk in front of the model: together, in order, bounded, and with an end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import pytest

from k3m_kg.errors import ArtifactError, K3MError
from k3m_kg.serve.asking.desk import AT_ONCE, ModelDesk
from k3m_kg.serve.problems import Refused
from tests.processes import HANG


class Doubling:
    """A model that doubles numbers, when it is let."""

    def __init__(self) -> None:
        self.let = threading.Event()
        self.begun = threading.Semaphore(0)
        self.asked: list[tuple[Hashable, list[Any]]] = []

    def __call__(self, kind: Hashable, items: Sequence[Any]) -> Mapping[Any, Any]:
        self.asked.append((kind, list(items)))
        self.begun.release()
        self.let.wait()
        if kind == "broken":
            raise K3MError("cannot be asked that")
        return {item: K3MError("no such item") if item < 0 else 2 * item for item in items}


@contextmanager
def desk_of(model: Any, most: int = 100) -> Iterator[ModelDesk]:
    desk = ModelDesk(lambda: model, most)
    try:
        yield desk
    finally:
        model.let.set()
        desk.close()


def answer(future: Future[list[Any]]) -> list[Any]:
    return future.result(HANG)


def test_what_waits_is_asked_together_by_kind_and_in_order() -> None:
    model = Doubling()
    with desk_of(model) as desk:
        first = desk.put("double", [1])
        model.begun.acquire()
        waiting = [desk.put("double", [2, 3]), desk.put("other", [4]), desk.put("double", [3, 5])]
        model.let.set()
        assert [answer(one) for one in (first, *waiting)] == [[2], [4, 6], [8], [6, 10]]
    assert model.asked == [("double", [1]), ("double", [2, 3, 5]), ("other", [4])]


def test_too_much_at_once_is_turned_away_and_says_when_to_come_again() -> None:
    model = Doubling()
    with desk_of(model, most=3) as desk:
        first = desk.put("double", [1])
        model.begun.acquire()
        second = desk.put("double", [1, 2, 3, 4])  # alone, however large
        with pytest.raises(Refused) as raised:
            desk.put("double", [5])
        assert (raised.value.status, raised.value.retry) == (503, 2)
        model.let.set()
        assert answer(first) == [2]
        assert answer(second) == [2, 4, 6, 8]
        assert answer(desk.put("double", [5])) == [10]


def test_one_question_s_error_is_its_own() -> None:
    model = Doubling()
    model.let.set()
    with desk_of(model) as desk:
        wrong, right = desk.put("double", [1, -1]), desk.put("double", [1])
        with pytest.raises(K3MError, match="no such item"):
            answer(wrong)
        assert answer(right) == [2]
        with pytest.raises(K3MError, match="cannot be asked that"):
            answer(desk.put("broken", [1]))
        assert answer(desk.put("double", [4])) == [8]


def test_large_requests_are_not_put_together() -> None:
    model = Doubling()
    with desk_of(model, most=10 * AT_ONCE) as desk:
        futures = [desk.put("double", [0])]
        model.begun.acquire()
        futures += [desk.put("double", range(1, AT_ONCE)), desk.put("double", [-0, 1, 2])]
        model.let.set()
        for future in futures:
            answer(future)
    assert [len(items) for _, items in model.asked] == [1, AT_ONCE - 1, 3]


def test_a_model_that_cannot_be_opened_is_told_to_everybody() -> None:
    let = threading.Event()

    def fail() -> Any:
        let.wait()
        raise ArtifactError("is damaged", where="/srv/secret/model")

    desk = ModelDesk(fail, 10)
    early = desk.put("double", [1])
    assert desk.state == "opening"
    let.set()
    with pytest.raises(ArtifactError, match="is damaged"):
        answer(early)
    with pytest.raises(ArtifactError):
        desk.put("double", [1])
    assert desk.state == "failed"
    desk.close()


def test_at_the_end_what_waits_is_turned_away() -> None:
    model = Doubling()
    desk = ModelDesk(lambda: model, 10)
    first = desk.put("double", [1])
    model.begun.acquire()
    waiting = desk.put("double", [2])
    closing: Callable[[], None] = desk.close
    thread = threading.Thread(target=closing)
    thread.start()
    while not desk._closed:
        pass
    model.let.set()
    thread.join()
    assert answer(first) == [2]
    assert waiting.cancelled()
    with pytest.raises(Refused):
        desk.put("double", [3])
