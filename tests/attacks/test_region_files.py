"""Files of regions that were computed elsewhere, changed in any way: used or refused."""

from __future__ import annotations

import base64
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from k3m_kg.errors import ConfigError
from k3m_kg.kge.data import read_features
from k3m_kg.workers import parquet as parquet_files
from k3m_kg_vision.feature_files import open_features
from tests.forked import forked_workers

from .mutations import attempts, change_bytes, change_words

IDS = [f"p{number}" for number in range(6)]
CELLS = (
    b"0",
    b"-1",
    b"9" * 5_000,
    b"",
    b"nan",
    b"1e400",
    b"!!",
    b"AAAA",
    b"\t\t",
    b"p1",
    b"3" * 40,
)


def arrays(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {
        "features": rng.normal(size=(6, 3, 4)).astype(np.float32),
        "boxes": rng.random((6, 3, 4)).astype(np.float32),
        "classes": rng.dirichlet(np.ones(2), (6, 3)).astype(np.float32),
    }


def _imaginary(array: np.ndarray) -> np.ndarray:
    return array.astype(complex if array.dtype.kind in "biuf" else object)


def npz(path: Path, rng: random.Random) -> None:
    """With an array of another shape, dtype or content, or without one."""
    held: dict[str, np.ndarray] = {"ids": np.array(IDS), "counts": np.full(6, 2), **arrays(RNG)}
    if rng.random() < 0.6:
        name = rng.choice(list(held))
        changes = [
            lambda a: a[:2], lambda a: a.reshape(-1), lambda a: a.astype(str), lambda a: a.T,
            lambda a: np.zeros((0, *a.shape[1:]), a.dtype), lambda a: a[..., None],
            lambda a: np.full(a.shape, np.nan), lambda a: np.full(a.shape, -(2**62)),
            lambda a: np.array(None, object), lambda a: np.array(7), _imaginary,
            lambda a: np.array(rng.choice(CELLS)),
        ]  # fmt: skip
        held[name] = rng.choice(changes)(held[name])
        if rng.random() < 0.2:
            del held[name]
    rng.choice((np.savez, np.savez_compressed))(path, **held)


def parquet(path: Path, rng: random.Random) -> None:
    """With a cell or a column of another kind."""
    columns = {name: array.tolist() for name, array in arrays(RNG).items()}
    columns["id"] = list(IDS)
    if rng.random() < 0.7:
        name = rng.choice(list(columns))
        odd = rng.choice(
            [None, [], [[]], [None], [[None]], [["x"]], "x", 1, [[1, 2], [3]], [1e300]]
        )
        if rng.random() < 0.5:
            columns[name] = [odd] * 6
        elif rng.random() < 0.5:
            del columns[name]
        else:
            columns[name][rng.randrange(6)] = odd
    try:
        pq.write_table(pa.table(columns), path)
    except (pa.ArrowException, TypeError):  # no column holds both kinds
        path.write_bytes(b"PAR1")


def tsv(path: Path, rng: random.Random) -> None:
    """With cells replaced, removed or doubled."""

    def coded(array: np.ndarray) -> bytes:
        return base64.b64encode(np.ascontiguousarray(array, "<f4").tobytes())

    held, lines = arrays(RNG), []
    for row, name in enumerate(IDS):
        cells = [name.encode(), b"100", b"50", b"3", coded(held["boxes"][row])]
        cells.append(coded(held["features"][row]))
        for _ in range(rng.choice((0, 0, 1, 2))):
            cells[rng.randrange(len(cells))] = rng.choice(CELLS)
        lines.append(b"\t".join(cells[: rng.choice((6, 6, 6, 5, 3))]))
    path.write_bytes(b"\n".join(lines))


@pytest.fixture
def forking() -> Iterator[None]:
    """Each Parquet file is read by a process of its own first."""
    with forked_workers():
        yield


RNG = np.random.default_rng(0)
WRITERS = {"npz": npz, "parquet": parquet, "tsv": tsv}


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.usefixtures("forking")
def test_a_forged_file_of_regions_is_used_or_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"regions.{kind}"
    used, said = 0, list[str]()
    for number in attempts(30):
        rng = random.Random(number)
        WRITERS[kind](path, rng)
        if rng.random() < 0.5:
            change = rng.choice((change_bytes, change_bytes, change_words))
            path.write_bytes(change(path.read_bytes(), rng))
        try:
            file = open_features(path)
            for name in IDS:
                if (found := file.get(name)) is not None:
                    assert found.features.ndim == 2
                    assert found.corners.shape == (len(found.features), 4)
                    used += 1
        except ConfigError as error:
            said.append(str(error))
        except Exception as error:
            raise AssertionError(f"{kind} {number}") from error
    assert used
    assert all(0 < len(text) < 2_000 for text in said)


GIVES_UP = 2886
"""Number of an attack at which pyarrow ended the process: levels that do not fit their count."""


def test_a_parquet_file_at_which_the_library_gives_up_is_an_error(tmp_path: Path) -> None:
    path, rng = tmp_path / "regions.parquet", random.Random(GIVES_UP)
    parquet(path, rng)
    assert rng.random() < 0.5
    change = rng.choice((change_bytes, change_bytes, change_words))
    path.write_bytes(change(path.read_bytes(), rng))
    with pytest.raises(ConfigError, match="Parquet file"):
        open_features(path)
    with pytest.raises(ConfigError, match="Parquet file"):
        read_features(path, ["e1"])


def test_what_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_files, "_SMALL", 1 << 20)
    bomb = tmp_path / "bomb.npz"
    with (
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed,
        packed.open("features.npy", "w", force_zip64=True) as member,
    ):
        for _ in range(8):
            member.write(bytes(1 << 20))
    with pytest.raises(ConfigError, match="unpacks to"):
        open_features(bomb)
    claims = tmp_path / "claims.npz"
    np.savez(claims, ids=np.array(IDS), features=np.zeros((6, 1, 4)))
    claims.write_bytes(claims.read_bytes().replace(b"(6, 1, 4)", b"(6, 9**9,"))
    with pytest.raises(ConfigError):
        open_features(claims)
    table = pa.table({"id": ["p"], "features": pa.array([np.zeros(1 << 20)])})
    with pq.ParquetWriter(tmp_path / "bomb.parquet", table.schema) as writer:
        for _ in range(2):
            writer.write_table(table)
    with pytest.raises(ConfigError, match="unpacks to"):
        open_features(tmp_path / "bomb.parquet")
