"""Triples by number: from plain files, or from a snapshot."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from k3m_kg.errors import CatalogError, ConfigError, SnapshotError
from k3m_kg.kge.settings import DataSettings, KgeConfig
from k3m_kg.snapshot import Snapshot
from k3m_kg.workers.parquet import check_parquet

SPLITS = ("train", "validation", "test")
_FILES = {"validation": ("validation", "valid")}
"""File names of a split, where benchmarks have others than its own."""
_ENDINGS = (".tsv", ".txt", ".tsv.gz", ".txt.gz")
_COLUMNS = ("head", "relation", "tail")
PRODUCT, VALUE = "product/", "value/"
"""What the label of a snapshot's entity begins with."""


@dataclass(slots=True)
class TripleData:
    """A graph cut in three.

    Attributes:
        entities, relations: labels; an id is a place in them.
        train, validation, test: (T, 3) int64 (head, relation, tail).
        unknown: triples of validation and test left out because a label in them is not in training.
        notes: what of the files was left out or is odd, for the user.
        snapshot: the id of the snapshot that they are from; None for plain files.
    """

    entities: list[str]
    relations: list[str]
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    unknown: int = 0
    snapshot: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def truth(self) -> np.ndarray:
        """All triples."""
        return np.concatenate([self.train, self.validation, self.test])

    @property
    def id(self) -> str:
        """SHA-256 (hex) of labels and triples."""
        found = hashlib.sha256()
        for text in ("\n".join(self.entities), "\n".join(self.relations)):
            found.update(text.encode())
        for part in (self.train, self.validation, self.test):
            found.update(np.ascontiguousarray(part, np.int64).tobytes())
        return found.hexdigest()


def load_data(config: KgeConfig) -> TripleData:
    """What the config names.

    Raises:
        CatalogError, ConfigError, SnapshotError: it cannot be read or has nothing to learn from.
    """
    if config.snapshot is not None:
        return from_snapshot(Snapshot.open(config.snapshot))
    assert config.triples is not None
    return from_files(config.triples)


def from_files(settings: DataSettings) -> TripleData:
    """Plain triple files.

    Entities and relations are those of training: another one in validation or test could not
    be ranked, and its triples are left out, counted and noted, as is a row of column names.

    Raises:
        CatalogError: a file is missing or is no table of three columns.
    """
    paths = _paths(settings)
    notes: list[str] = []
    tables = [_without_header(_read(path), path, notes) for path in paths]
    names = _unique([tables[0]["head"], tables[0]["tail"]])
    relations = _unique([tables[0]["relation"]])
    parts = [_numbers(table, names, relations) for table in tables]
    kept = [part[(part >= 0).all(1)] for part in parts]
    if not len(kept[0]):
        raise CatalogError("there is no training triple", where=str(paths[0]))
    unknown = sum(len(part) - len(left) for part, left in zip(parts, kept, strict=True))
    notes += [
        _left_out(path, table, part)
        for path, table, part in zip(paths[1:], tables[1:], parts[1:], strict=True)
        if (part < 0).any()
    ]
    return TripleData(
        names.to_pylist(),
        relations.to_pylist(),
        kept[0],
        kept[1],
        kept[2],
        unknown,
        notes=tuple(notes),
    )


def from_snapshot(snapshot: Snapshot) -> TripleData:
    """The training products' triples; those held out for validation and test are asked.

    Entities are `product/<id>` and `value/<text>`. Links between training products lead from
    product to product; facts, triples from value to value, are never held out.

    Raises:
        SnapshotError: it holds no triples out.
    """
    train = snapshot.split == 0
    own = train[snapshot.triple_product]
    links = train[snapshot.link_head] & train[snapshot.link_product]
    count = len(snapshot)
    columns = (  # of each kind: head, relation, tail, hold-out; values are numbered after products
        (snapshot.triple_product, snapshot.triple_property, snapshot.triple_value + count),
        (snapshot.link_head, snapshot.link_property, snapshot.link_product),
        (snapshot.fact_head + count, snapshot.fact_property, snapshot.fact_tail + count),
    )
    chosen = (own, links, np.ones(len(snapshot.fact_head), bool))
    numbers = np.concatenate(
        [
            np.stack([column[mask].astype(np.int64) for column in kind], axis=1)
            for kind, mask in zip(columns, chosen, strict=True)
        ]
    )
    used, ends = np.unique(numbers[:, [0, 2]], return_inverse=True)
    ends = ends.reshape(-1, 2)
    triples = np.stack([ends[:, 0], numbers[:, 1], ends[:, 1]], axis=1)
    nothing = np.zeros(len(snapshot.fact_head), np.uint8)
    held = np.concatenate([snapshot.triple_holdout[own], snapshot.link_holdout[links], nothing])
    parts = [triples[held == number] for number in range(len(SPLITS))]
    if not len(parts[1]) or not len(parts[2]):
        raise SnapshotError(
            "it holds no triples of training products out, so there is nothing to ask",
            where=str(snapshot.path),
            hint="cut it again with `k3m-kg snapshot --holdout 0.1`",
        )
    seen = np.zeros(len(used), bool)
    seen[parts[0][:, [0, 2]].ravel()] = True
    kept = [part[seen[part[:, 0]] & seen[part[:, 2]]] for part in parts]
    texts = snapshot.values
    labels = [PRODUCT + snapshot.ids[row] for row in used[used < count].tolist()]
    labels += [VALUE + texts[number - count] for number in used[used >= count].tolist()]
    unknown = sum(len(part) - len(left) for part, left in zip(parts, kept, strict=True))
    names = list(snapshot.properties)
    return TripleData(labels, names, kept[0], kept[1], kept[2], unknown, snapshot.id)


def relabelled(data: TripleData, entities: list[str], relations: list[str]) -> TripleData:
    """The same triples by the ids of other labels; what those do not know is left out."""
    places = [{label: i for i, label in enumerate(labels)} for labels in (entities, relations)]
    new_E = np.array([places[0].get(label, -1) for label in data.entities], np.int64)
    new_R = np.array([places[1].get(label, -1) for label in data.relations], np.int64)
    moved = [
        np.stack([new_E[part[:, 0]], new_R[part[:, 1]], new_E[part[:, 2]]], axis=1)
        for part in (data.train, data.validation, data.test)
    ]
    kept = [part[(part >= 0).all(1)] for part in moved]
    lost = sum(len(part) - len(left) for part, left in zip(moved, kept, strict=True))
    notes = data.notes
    if lost:
        notes += (f"{lost:,} triples were left out: the artifact does not know all their labels",)
    return TripleData(
        entities, relations, kept[0], kept[1], kept[2], data.unknown + lost, notes=notes
    )


def read_features(path: Path, entities: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Frozen vectors (E, F) float32 of entities, and which of them have one (bool).

    Ids may be entity labels, or product ids of a snapshot.

    Raises:
        ConfigError: no such file, other columns, or no entity is in it.
    """
    try:
        check_parquet(path, f"features.path: {path}")
        table = pq.read_table(path, columns=["id", "vector"])
        vectors = np.stack(table["vector"].to_numpy()).astype(np.float32)
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise ConfigError(
            f"needs the columns id and vector, all vectors equally long: {error}",
            where=f"features.path: {path}",
        ) from None
    place = {name: row for row, name in enumerate(table["id"].cast(pa.string()).to_pylist())}
    rows = np.array([place.get(e, place.get(e.removeprefix(PRODUCT), -1)) for e in entities])
    if (rows < 0).all():
        raise ConfigError(
            f"no entity has a vector here; entities are named like {entities[0]!r}",
            where=f"features.path: {path}",
        )
    if not np.isfinite(vectors).all():
        raise ConfigError("some vectors are not finite", where=f"features.path: {path}")
    found = np.where((rows >= 0)[:, None], vectors[rows], np.float32(0))
    return found.astype(np.float32), rows >= 0


def _paths(settings: DataSettings) -> list[Path]:
    if settings.folder is None:
        return [path for path in (settings.train, settings.validation, settings.test) if path]
    found = []
    for split in SPLITS:
        names = _FILES.get(split, (split,))
        choices = [settings.folder / f"{name}{end}" for name in names for end in _ENDINGS]
        here = [path for path in choices if path.is_file()]
        if not here:
            raise CatalogError(
                f"holds no {split} triples",
                where=str(settings.folder),
                hint=f"one of {', '.join(path.name for path in choices)}",
            )
        found.append(here[0])
    return found


def _read(path: Path) -> pa.Table:
    try:
        return pa_csv.read_csv(
            path,
            read_options=pa_csv.ReadOptions(column_names=list(_COLUMNS)),
            parse_options=pa_csv.ParseOptions(delimiter="\t", quote_char=False),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(_COLUMNS, pa.string()), strings_can_be_null=False
            ),
        )
    except (OSError, pa.ArrowException) as error:
        raise CatalogError(
            f"is no table of head, relation and tail with tabs between: {error}", where=str(path)
        ) from None


_HEADERS = (
    {"head", "subject", "h", "s", "source", "from"},
    {"relation", "predicate", "property", "rel", "r", "p"},
    {"tail", "object", "t", "o", "target", "to", "value"},
)
"""What the columns of such files are called."""


def _without_header(table: pa.Table, path: Path, notes: list[str]) -> pa.Table:
    """The rows without one that names the columns."""
    first = [str(table[column][0]).strip() for column in _COLUMNS] if len(table) else []
    if not first or not all(
        name.lower() in known for name, known in zip(first, _HEADERS, strict=True)
    ):
        return table
    if pc.sum(pc.equal(table["relation"], table["relation"][0])).as_py() > 1:
        return table  # it is a relation
    names = ", ".join(first)
    notes.append(f"{path.name}: the first row, {names}, was taken for the names of the columns")
    return table.slice(1)


def _left_out(path: Path, table: pa.Table, numbers: np.ndarray) -> str:
    """What to say of triples that cannot be asked."""
    bad = np.flatnonzero((numbers < 0).any(1))
    row, column = bad[0], int(np.flatnonzero(numbers[bad[0]] < 0)[0])
    label = str(table[_COLUMNS[column]][int(row)])
    near = " (mind the blanks around it)" if label != label.strip() else ""
    return (
        f"{path.name}: {len(bad):,} of {len(numbers):,} triples were left out, because a label in "
        f"them is not in training, such as {label[:100]!r}{near}"
    )


def _unique(columns: list[pa.ChunkedArray]) -> pa.Array:
    chunks = [chunk for column in columns for chunk in column.chunks]
    found = pc.unique(pa.chunked_array(chunks, pa.string()))
    return found.take(pc.sort_indices(found))


def _numbers(table: pa.Table, names: pa.Array, relations: pa.Array) -> np.ndarray:
    columns = [
        pc.index_in(table[column], value_set=labels).fill_null(-1).to_numpy()
        for column, labels in zip(_COLUMNS, (names, relations, names), strict=True)
    ]
    return np.stack(columns, axis=1).astype(np.int64)
