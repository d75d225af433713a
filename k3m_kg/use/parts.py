"""One output of several processes: a folder of parts, which appears when all of them are whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from k3m_kg.engine.processes import Processes
from k3m_kg.engine.shares import piece_of
from k3m_kg.errors import ConfigError
from k3m_kg.files import whole_folder


def own_share(rows: np.ndarray, processes: Processes) -> np.ndarray:
    """The rows that this process works on: as many, one after another, as each other has.

    Raises:
        ConfigError: there are fewer than processes.
    """
    if len(rows) < processes.size > 1:
        raise ConfigError(
            f"{len(rows)} products for {processes.size} processes",
            where="the environment",
            hint="start one process",
        )
    return rows[piece_of(len(rows), processes.rank, processes.size)]


@contextmanager
def own_part(out: Path, processes: Processes) -> Iterator[Path]:
    """Where this process writes: alone `out` itself, else a file of the folder `out`.

    The parts are called `part-00000-of-00008`, with the ending of `out`, in the order of the
    shares. The folder is there when the block has ended in every process, or not at all.

    Raises:
        K3MError: there is something of that name, or it cannot be written.
    """
    if not processes.several:
        yield out
        return
    name = f"part-{processes.rank:05}-of-{processes.size:05}{out.suffix}"
    if not processes.first:
        yield Path(processes.tell("")) / name
        processes.wait()
        return
    hint = "several processes write a folder: remove what is there, or name another place"
    with whole_folder(out, replace=False, hint=hint) as folder:
        yield Path(processes.tell(str(folder))) / name
        processes.wait()
