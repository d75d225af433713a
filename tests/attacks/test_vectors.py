"""Folders of kept vectors with any file changed, with hashes that fit: used, or refused."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from k3m_kg.errors import ArtifactError
from k3m_kg.kge.training import train
from k3m_kg.manifests import described_files
from k3m_kg.search import kept
from k3m_kg.search.kept import brought_up_to_date, open_kept
from k3m_kg.search.kept_files import GRAPH, MANIFEST
from k3m_kg.search.nearest import graph_possible
from k3m_kg.search.searching import Searcher
from k3m_kg.snapshot import Snapshot
from k3m_kg.use.open_model import OpenModel, open_model
from tests.catalogs import shop_snapshot
from tests.kge import toy

from .mutations import attempts, change_bytes, change_file, change_json, change_words

FEW, MORE = 40, 44
_ODD_NUMBERS = (0, -1, 1, 39, 40, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63), 2**62)
_ODD_SHARES = (np.nan, np.inf, -np.inf, 0.0, 3e38, -3e38, 1e-45)


@dataclass(frozen=True, slots=True)
class Kept:
    """A folder, the model and catalog that it is of, and the same model on a later catalog."""

    folder: Path
    opened: OpenModel
    later: OpenModel


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    place = tmp_path_factory.mktemp("vectors")
    shops = [shop_snapshot(place / str(count), count, holdout=0.3) for count in (FEW, MORE)]
    config = toy.config(place, place / "a", training={"epochs": 1})
    trained = train(config.model_copy(update={"triples": None, "snapshot": shops[0]}))
    opened = open_model(trained, None, device="cpu")
    later = OpenModel.of(opened.trained, Snapshot.open(shops[1]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "WORTH", 1)
        brought_up_to_date(place / "a.vectors", opened)
    return Kept(place / "a.vectors", opened, later)


@pytest.fixture(autouse=True)
def _index_of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "WORTH", 1)


def listed(folder: Path) -> None:
    """The manifest lists every file as it is now, as whoever hands a folder over can have it."""
    record = json.loads((folder / MANIFEST).read_bytes())
    record["files"] = {k: v for k, v in described_files(folder).items() if k in record["files"]}
    (folder / MANIFEST).write_text(json.dumps(record))


def change_numbers(path: Path, rng: random.Random) -> None:
    """Some numbers of an array, or its shape."""
    array = np.load(path)
    flat = array.reshape(-1)
    kind = rng.randrange(6)
    if kind == 0:
        array = rng.choice((array[:-1], array[..., None], array[:0], array.T, array[::-1]))
    elif kind == 1:
        array = array.astype(rng.choice(("<f8", "<i8", "<i4", "|u1", "<f4")))
    else:
        for _ in range(rng.choice((1, 1, 3, 20))):
            floats = flat.dtype.kind == "f"
            odd = rng.choice(_ODD_SHARES if floats else _ODD_NUMBERS)
            at = rng.randrange(len(flat)) if len(flat) else None
            if at is not None:
                flat[at] = odd if floats else np.array(odd, np.int64).astype(flat.dtype)
    np.save(path, np.ascontiguousarray(array), allow_pickle=False)


def forge(folder: Path, number: int) -> str:
    """Change one file; which, and how, follows from the number."""
    rng = random.Random(number)
    names = sorted(path.name for path in folder.iterdir() if "." in path.name)
    weights = [4 if name in (GRAPH, MANIFEST) else 1 for name in names]
    (name,) = rng.choices(names, weights)
    file = folder / name
    if name == MANIFEST:
        change_file(file, rng, change_json)
        return name
    if file.suffix == ".npy" and rng.random() < 0.7:
        change_numbers(file, rng)
    else:
        change_file(file, rng, change_bytes, change_words, change_words, change_words)
    if rng.random() < 0.95:
        listed(folder)
    return name


def used(found: kept.KeptVectors, opened: OpenModel) -> None:
    count = len(opened.snapshot)
    searcher = Searcher(opened, found)
    assert len(searcher.by_texts(["nice red mug no 7"], 5)[0]) <= 5
    assert all(len(alike) <= 3 for alike in searcher.like([0, count - 1], 3))
    rows, scores = found.nearest.find(found.vectors_NH[:7], 9)
    assert ((rows >= -1) & (rows < count)).all()
    assert not np.isnan(scores).any()


@pytest.mark.skipif(not graph_possible(), reason="usearch is not installed")
def test_a_forged_folder_of_vectors_is_used_or_refused(whole: Kept, tmp_path: Path) -> None:
    copy, wrong, refused = tmp_path / "a.vectors", {}, 0
    for number in attempts(30):
        shutil.copytree(whole.folder, copy, ignore=shutil.ignore_patterns("examined"))
        name = forge(copy, number)
        try:
            if number % 3:
                used(open_kept(copy, whole.opened), whole.opened)
            else:
                used(brought_up_to_date(copy, whole.later), whole.later)
        except ArtifactError as error:
            refused += 0 < len(str(error)) < 2_000
        except Exception as error:
            wrong[number] = f"{name}: {error!r}"[:300]
        shutil.rmtree(copy)
    assert wrong == {}
    assert refused


@pytest.mark.skipif(not graph_possible(), reason="usearch is not installed")
def test_an_index_that_leads_nowhere_is_refused(whole: Kept, tmp_path: Path) -> None:
    """The library follows each place in its file: SIGSEGV."""
    copy = tmp_path / "a.vectors"
    shutil.copytree(whole.folder, copy, ignore=shutil.ignore_patterns("examined"))
    data = bytearray((copy / GRAPH).read_bytes())
    data[-2_000:] = b"\x7f" * 2_000
    (copy / GRAPH).write_bytes(data)
    listed(copy)
    with pytest.raises(ArtifactError, match="no index: "):
        open_kept(copy, whole.opened)
    with pytest.raises(ArtifactError, match="no index: "):
        brought_up_to_date(copy, whole.later)
