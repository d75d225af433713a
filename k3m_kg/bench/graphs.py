"""Files of published graphs, whichever way they are laid out, as plain triples."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from k3m_kg.errors import CatalogError, ConfigError
from k3m_kg.files import whole_file, write_text

_NAMES = {
    "train": ("train",),
    "validation": ("validation", "valid", "dev"),
    "test": ("test",),
}
_ENDINGS = (".tsv", ".txt", ".tsv.gz", ".txt.gz")
_PICKLES = (".pth", ".pt", ".pkl", ".pickle", ".bin")
_LONGEST_LINE = 1 << 20
_HELD = 0.1
"""Of train, where there is nothing else to validate on."""

Triple = tuple[str, str, str]


@dataclass(slots=True)
class Graph:
    """A published graph.

    Attributes:
        parts: by split, (head, relation, tail).
        entities: in the order of its file of entities; empty where there is none.
        notes: what was guessed or left out.
    """

    parts: dict[str, list[Triple]]
    entities: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def repeated(self) -> dict[str, int]:
        """Of the test triples: those that train or validation have too, and further copies."""
        known = set(self.parts["train"]), set(self.parts["validation"])
        test = self.parts["test"]
        return {
            "in_train": sum(triple in known[0] for triple in test),
            "in_validation": sum(triple in known[1] for triple in test),
            "twice_in_test": len(test) - len(set(test)),
        }


def read_graph(folder: Path) -> Graph:
    """The graph in a folder.

    Raises:
        CatalogError: files are missing, or are no triples.
    """
    if not folder.is_dir():
        raise CatalogError("is no folder", where=str(folder), hint="--data names it")
    notes: list[str] = []
    entities = _labels(folder / "entity2id.txt")
    relations = _labels(folder / "relation2id.txt")
    parts: dict[str, list[Triple]] = {}
    lacking: dict[str, int] = {}
    for split in _NAMES:
        path = _file_of(folder, split)
        if path is None:
            raise CatalogError(
                f"holds no {split} triples",
                where=str(folder),
                hint="such as " + ", ".join(f"{name}.tsv" for name in _NAMES[split]),
            )
        if path.name.endswith("2id.txt"):
            if not entities or not relations:
                raise CatalogError(
                    "has numbers of entities, and entity2id.txt or relation2id.txt is missing",
                    where=str(path),
                )
            parts[split] = list(_numbered(path, entities, relations))
        else:
            rows = list(_rows(path))
            lacking[split] = sum(len(row) == 2 for row in rows)
            parts[split] = [(row[0], row[1], row[2]) for row in rows if len(row) == 3]
    if lacking.get("test") and not parts["test"]:
        parts["test"] = parts["validation"]
        order = np.random.default_rng(0).permutation(len(parts["train"]))
        held = set(order[: int(len(order) * _HELD)].tolist())
        train = parts["train"]
        parts["validation"] = [train[place] for place in sorted(held)]
        parts["train"] = [row for place, row in enumerate(train) if place not in held]
        notes.append(
            f"the {lacking['test']:,} test triples have no tail, which its makers keep: the "
            "validation triples are asked instead, a tenth of train is validated on"
        )
    for name, triples in parts.items():
        if not triples:
            raise CatalogError(f"holds no {name} triple", where=str(folder))
    pickles = sorted(path.name for path in folder.iterdir() if path.suffix in _PICKLES)
    if pickles:
        notes.append(f"not read, as a pickle can run code: {', '.join(pickles)}")
    return Graph(parts, entities, notes)


def write_graph(graph: Graph, folder: Path) -> None:
    """As train.tsv, validation.tsv and test.tsv, which `kge train` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, triples in graph.parts.items():
        text = "".join("\t".join(triple) + "\n" for triple in triples)
        write_text(folder / f"{split}.tsv", text, CatalogError)


def _file_of(folder: Path, split: str) -> Path | None:
    for name in _NAMES[split]:
        named = [folder / f"{name}{ending}" for ending in _ENDINGS]
        with_prefix = sorted(folder.glob(f"*_{name}.tsv"))
        for path in (*named, *with_prefix, folder / f"{name}2id.txt"):
            if path.is_file():
                return path
    return None


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    opened: Any = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="\n") as lines:
            number = 0
            while line := lines.readline(_LONGEST_LINE):
                number += 1
                if text := line.rstrip("\r\n"):
                    yield number, text
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise CatalogError(f"cannot be read: {error}", where=str(path)) from None


_NT = re.compile(r"<([^>]*)>|(\S+)")


def _rows(path: Path) -> Iterator[list[str]]:
    """Two or three cells a line: tabs between, or blanks and a full stop, as in N-Triples."""
    for number, line in _lines(path):
        if "\t" in line:
            cells = line.split("\t")
        else:
            cells = [iri or word for iri, word in _NT.findall(line)]
            if cells and cells[-1] == ".":
                cells.pop()
        if len(cells) not in (2, 3) or not all(cells):
            raise CatalogError(
                f"line {number} has {len(cells)} cells, not head, relation and tail",
                where=str(path),
            )
        yield cells


def _numbered(path: Path, entities: Sequence[str], relations: Sequence[str]) -> Iterator[Triple]:
    """OpenKE's order: head, tail, relation. The first line counts the others."""
    for number, line in _lines(path):
        words = line.split()
        if number == 1 and len(words) == 1:
            continue
        try:
            head, tail, relation = (int(word) for word in words)
            if min(head, tail, relation) < 0:
                raise IndexError
            yield entities[head], relations[relation], entities[tail]
        except (ValueError, IndexError):
            raise CatalogError(
                f"line {number} names no entities and relation of entity2id.txt and "
                "relation2id.txt",
                where=str(path),
            ) from None


def _labels(path: Path) -> list[str]:
    """Labels by their number; none where there is no such file."""
    if not path.is_file():
        return []
    found: dict[int, str] = {}
    for number, line in _lines(path):
        label, _, place = line.rpartition("\t") if "\t" in line else line.rpartition(" ")
        if number == 1 and not label:
            continue
        if not place.strip().isdigit():
            raise CatalogError(f"line {number} has no number", where=str(path))
        found[int(place)] = label.strip().strip("<>")
    if sorted(found) != list(range(len(found))):
        raise CatalogError("its numbers are not 0, 1, 2, ...", where=str(path))
    return [found[place] for place in range(len(found))]


def write_features(path: Path, graph: Graph, out: Path) -> None:
    """Vectors of a `.npy` file, a row for each entity, as `kge train` reads them.

    Raises:
        ConfigError: a pickle, or not a row of numbers for each entity.
    """
    if path.suffix in _PICKLES:
        raise ConfigError(
            "is a pickle, which can run code when it is read: it is not",
            where=str(path),
            hint="whoever trusts it writes it as .npy: "
            "numpy.save('features.npy', torch.load(...).numpy())",
        )
    try:
        vectors = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ConfigError(f"is no array of numbers: {error}", where=str(path)) from None
    if not isinstance(vectors, np.ndarray) or vectors.ndim != 2 or vectors.dtype.kind not in "fiu":
        raise ConfigError("is no table of numbers", where=str(path))
    if len(vectors) != len(graph.entities):
        raise ConfigError(
            f"has {len(vectors):,} rows, and entity2id.txt names {len(graph.entities):,} entities",
            where=str(path),
        )
    table = pa.table(
        {"id": graph.entities, "vector": list(vectors.astype(np.float32))},
    )
    with whole_file(out, ConfigError) as staging:
        pq.write_table(table, staging)
