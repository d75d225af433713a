"""What evidence has counted, as a file of an artifact."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from k3m_kg.errors import ArtifactError
from k3m_kg.files import usual_mode
from k3m_kg.lpm.evidence.counts import Counts

FILE = "evidence.safetensors"


def write_counts(counts: Counts, properties: int, folder: Path) -> None:
    """Write them into `folder`.

    Args:
        properties: that the catalog had when it was counted.
    """
    arrays = {item.name: getattr(counts, item.name) for item in fields(Counts)}
    with usual_mode(folder / FILE):
        save_file(arrays | {"properties": np.array([properties])}, folder / FILE)


def read_counts(folder: Path) -> tuple[Counts, int]:
    """What `write_counts` wrote, and how many properties.

    Raises:
        ArtifactError: missing or damaged.
    """
    path = folder / FILE
    found = read_arrays(path)
    if not _fits(found):
        raise ArtifactError("is damaged: what it counts does not fit together", where=str(path))
    counts = Counts(**{item.name: found[item.name] for item in fields(Counts)})
    return counts, int(found["properties"][0])


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file in an artifact.

    Raises:
        ArtifactError: missing or damaged.
    """
    try:
        return load_file(path)
    except FileNotFoundError:
        raise ArtifactError("no such file", where=str(path)) from None
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"is damaged: {error}", where=str(path)) from None


def _fits(found: dict[str, np.ndarray]) -> bool:
    """Whether it can be used without reading beside an array."""
    if found.keys() != {"properties", *(item.name for item in fields(Counts))}:
        return False
    if any(array.dtype != np.int64 or array.ndim != 1 for array in found.values()):
        return False
    if len(found["properties"]) != 1 or not 0 <= found["properties"][0] < 1 << 30:
        return False
    sizes = {name[-1]: len(array) for name, array in found.items() if name != "properties"}
    if any(len(array) != sizes[name[-1]] for name, array in found.items() if "_" in name):
        return False
    names, properties = found["column_V"] >> 32, found["properties"][0]
    return bool(
        all((np.diff(found[name]) > 0).all() for name in ("column_V", "feature_F", "cell_X"))
        and (found["often_V"] >= 1).all()
        and (found["often_F"] >= 1).all()
        and (found["count_X"] >= 1).all()
        and (names >= 0).all()
        and (names < properties).all()
        and (found["kind_F"] >= 0).all()
        and (found["kind_F"] <= properties).all()
        and (found["feature_F"] >= 0).all()
        and (found["cell_X"] >= 0).all()
        and (found["cell_X"] < sizes["V"] * sizes["F"]).all()
    )
