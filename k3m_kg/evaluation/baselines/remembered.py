"""What linear models said of the same questions before: fitting them takes minutes.

One `.npz` for each evaluation lies in the cache beside the snapshot, read without pickle. Its name
is the digest of all that its arrays follow from: the code, the model's weights, both snapshots,
what is shown and what is asked. What is damaged or of another shape is fitted anew.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np

import k3m_kg.evaluation.baselines as rooms
from k3m_kg.errors import K3MError
from k3m_kg.files import whole_file
from k3m_kg.lpm import answer_index, link_ranks, ranking, softmax_regression
from k3m_kg.lpm.link_ranks import LinkRanks
from k3m_kg.lpm.ranking import Ranks
from k3m_kg.snapshot import Snapshot
from k3m_kg.snapshot.layout import cache_of

_TOLD = "told"
Arrays = dict[str, np.ndarray]


class Remembered:
    """A file for what one evaluation's linear models come to.

    Args:
        snapshot: whose products are asked, beside which it lies.
        parts: all that the answer follows from, in order.
    """

    def __init__(self, snapshot: Snapshot, *parts: str | np.ndarray) -> None:
        digest = hashlib.sha256(_code().encode())
        for part in (snapshot.id, *parts):
            kind = "text" if isinstance(part, str) else f"{part.dtype} {part.shape}"
            held = part.encode() if isinstance(part, str) else np.ascontiguousarray(part).tobytes()
            digest.update(f"\n{kind} {len(held)}\n".encode())
            digest.update(held)
        # A corrupted view is one of very many, each asked once.
        self._kept = snapshot.corruption is None
        self.path = cache_of(snapshot.path) / "baselines" / f"{digest.hexdigest()[:32]}.npz"

    def read(self) -> tuple[Arrays, list[str]] | None:
        """Arrays by name of the model, and what was said with them; None where nothing is."""
        if not self._kept or not self.path.is_file():
            return None
        try:
            with np.load(self.path, allow_pickle=False) as found:
                arrays = {name: found[name] for name in found.files}
            notes = json.loads(str(arrays.pop(_TOLD)))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, MemoryError):
            return None
        if not isinstance(notes, list) or not all(isinstance(note, str) for note in notes):
            return None
        whole = all(array.dtype == np.int64 for array in arrays.values())
        return (arrays, notes) if whole else None

    def write(self, arrays: Arrays, notes: list[str]) -> None:
        """Keep them, where the disk takes them."""
        if not self._kept:
            return
        with suppress(OSError, K3MError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(self.path, named=False) as staging, staging.open("wb") as file:
                np.savez_compressed(file, **arrays, **{_TOLD: np.array(json.dumps(notes))})  # type: ignore[arg-type]


def as_arrays(found: dict[str, LinkRanks]) -> Arrays:
    """(4, Q) each: the columns of all ranks, property after property."""
    joined = {name: Ranks.join(ranks.ranks) for name, ranks in found.items()}
    return {
        name: np.stack(
            [all_.optimistic_Q, all_.pessimistic_Q, all_.options_Q, all_.unseen_Q.astype(np.int64)]
        )
        for name, all_ in joined.items()
    }


def as_ranks(arrays: Arrays, names: list[str], counts: np.ndarray) -> dict[str, LinkRanks] | None:
    """What `as_arrays` was made of, for so many questions of each property; None if not of them."""
    ends = np.cumsum(counts)[:-1]
    found = {}
    for key, held in arrays.items():
        if held.shape != (4, counts.sum()) or (held[:3] < 0).any() or (held[0] > held[1]).any():
            return None
        ranks = [
            Ranks(part[0], part[1], part[2], part[3].astype(bool))
            for part in np.split(held, ends, axis=1)
        ]
        found[key] = LinkRanks(names, ranks)
    return found


@cache
def _code() -> str:
    """The digest of what fits and ranks."""
    folder = Path(str(rooms.__file__)).parent
    files = [*sorted(folder.glob("*.py"))]
    files += [
        Path(str(m.__file__)) for m in (answer_index, link_ranks, ranking, softmax_regression)
    ]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
