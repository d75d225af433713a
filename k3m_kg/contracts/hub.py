"""Whether a model hub may be asked: also what a config names inside, such as a backbone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def hub_access(*, allowed: bool) -> Iterator[None]:
    """Without leave no request goes out meanwhile, whatever a file says; it ends in an OSError.

    `local_files_only` is not enough: a config may name another model of the hub, which is looked
    up without it.
    """
    from transformers.utils import hub

    constants: Any = vars(hub)["constants"]  # huggingface_hub's: what transformers brings along

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or not allowed
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
