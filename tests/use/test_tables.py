from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from k3m_kg.errors import UsageError
from k3m_kg.use.completion.proposals import Proposal
from k3m_kg.use.tables import check_table, write_table

PROPOSALS = [
    Proposal("1", "colour", 'sky "blue", light', -0.5, 0.75),
    Proposal("2", "尺码", "红色\nline", -2.0, 0.25),
]


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl", "out.parquet"])
@pytest.mark.parametrize("proposals", [PROPOSALS, []])
def test_every_format_keeps_every_character(
    tmp_path: Path, name: str, proposals: list[Proposal]
) -> None:
    path = tmp_path / name
    assert write_table(path, iter(proposals)) == len(proposals)
    expected = [proposal.record() for proposal in proposals]
    if name.endswith("parquet"):
        rows = pq.read_table(path).to_pylist()
    elif name.endswith("csv"):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            row |= {key: float(row[key]) for key in ("score", "probability", "applies")}
    else:
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert rows == expected


def test_parquet_in_several_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("k3m_kg.use.tables._ROWS_PER_GROUP", 3)
    assert write_table(tmp_path / "o.parquet", PROPOSALS * 4) == 8
    assert pq.ParquetFile(tmp_path / "o.parquet").num_row_groups == 3


def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    def failing():
        yield PROPOSALS[0]
        raise RuntimeError

    for name in ("o.csv", "o.jsonl", "o.parquet"):
        with pytest.raises(RuntimeError):
            write_table(tmp_path / name, failing())
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_ending_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"did you mean \.parquet"):
        check_table(tmp_path / "out.parqet")
    with pytest.raises(UsageError, match=r"end it in \.csv, \.jsonl, \.parquet"):
        check_table(tmp_path / "out")
