"""Where requests leave their questions for the model, and come to for answers."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

from k3m_kg.errors import K3MError
from k3m_kg.serve.problems import Refused

_LOG = logging.getLogger("k3m_kg.serve")
AT_ONCE = 512
"""Items of several requests that are computed together; a larger request comes alone."""
_RETRY = 2


class Answers(Protocol):
    """What computes: an opened model."""

    def __call__(self, kind: Hashable, items: Sequence[Any]) -> Mapping[Any, Any]:
        """The answer to each item; one that is an exception is raised to who asked.

        Args:
            kind: what is asked of the items, the same for all.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Question:
    kind: Hashable
    items: Sequence[Any]
    answer: Future[list[Any]] = field(default_factory=Future)


class ModelDesk:
    """Questions wait here, in the order in which they came; those of one kind go together.

    Args:
        open_model: opens the model; takes seconds, and is called in the computing thread.
        most: items that may wait.
    """

    def __init__(self, open_model: Callable[[], Answers], most: int) -> None:
        self._open, self._most = open_model, most
        self._waiting: deque[_Question] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._ready = False
        self._failure: K3MError | None = None
        self._thread = threading.Thread(target=self._work, daemon=True, name="k3m-kg-model")
        self._thread.start()

    @property
    def state(self) -> str:
        """`opening`, `ready` or `failed`."""
        return "failed" if self._failure else "ready" if self._ready else "opening"

    async def ask(self, kind: Hashable, items: Sequence[Any]) -> list[Any]:
        """The answers to some items, in their order.

        Raises:
            Refused: 503, where too many wait already.
            K3MError: the model cannot be opened, or not be asked that.
        """
        found: list[Any] = await asyncio.wrap_future(self.put(kind, items))
        return found

    def put(self, kind: Hashable, items: Sequence[Any]) -> Future[list[Any]]:
        """`ask`, for who waits elsewhere."""
        question = _Question(kind, items)
        with self._changed:
            if self._failure is not None:
                raise self._failure
            waiting = sum(len(one.items) for one in self._waiting)
            if self._closed or (waiting and waiting + len(items) > self._most):
                raise Refused(503, "The model has more to do than it can.", retry=_RETRY)
            self._waiting.append(question)
            self._changed.notify()
        return question.answer

    def close(self) -> None:
        """What is computed ends; what waits is turned away."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        try:
            answers = self._open()
        except Exception as error:
            if not isinstance(error, K3MError):
                _LOG.error("the model cannot be opened", exc_info=error)
                error = K3MError("the model cannot be opened")
            else:
                _LOG.error(
                    "the model cannot be opened, and the pages are served without it: %s", error
                )
            with self._changed:
                self._failure = error
                waiting = list(self._waiting)
                self._waiting.clear()
            for question in waiting:
                question.answer.set_exception(error)
            return
        self._ready = True
        while (together := self._next()) is not None:
            self._answer(answers, together)

    def _next(self) -> list[_Question] | None:
        """The oldest question and those of its kind that fit beside it; None at the end."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            if self._closed:
                for question in self._waiting:
                    question.answer.cancel()
                return None
            first = self._waiting.popleft()
            together, size = [first], len(first.items)
            for question in [one for one in self._waiting if one.kind == first.kind]:
                if size + len(question.items) <= AT_ONCE:
                    self._waiting.remove(question)
                    together.append(question)
                    size += len(question.items)
        return together

    def _answer(self, answers: Answers, together: list[_Question]) -> None:
        running = [one for one in together if one.answer.set_running_or_notify_cancel()]
        items = list(dict.fromkeys(item for one in running for item in one.items))
        try:
            found = answers(together[0].kind, items) if items else {}
        except Exception as error:
            for question in running:
                question.answer.set_exception(error)
            return
        for question in running:
            mine = [found[item] for item in question.items]
            wrong = next((one for one in mine if isinstance(one, Exception)), None)
            if wrong is None:
                question.answer.set_result(mine)
            else:
                question.answer.set_exception(wrong)
