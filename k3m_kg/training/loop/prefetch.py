"""The next batch made while the present one is used."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")


def ahead(items: Iterable[_T]) -> Iterator[_T]:
    """The same items, the next one made in a thread while the present one is used."""
    iterator = iter(items)
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(next, iterator, None)
        for _ in itertools.count():
            item = pending.result()
            if item is None:
                return
            pending = pool.submit(next, iterator, None)
            yield item
