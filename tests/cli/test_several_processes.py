"""`embed` and `complete` in several processes: each writes a part, together a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from k3m_kg.engine.environment import ProcessPlace
from k3m_kg.engine.processes import Processes
from k3m_kg.errors import ConfigError, K3MError
from k3m_kg.use.parts import own_part, own_share
from tests.cli.conftest import Command
from tests.evaluation.shop import trained
from tests.started import Started
from tests.torchrun import places


@pytest.mark.parametrize(
    "command", [("embed",), ("complete", "--property", "kind", "--all", "--out")]
)
def test_parts_are_what_one_process_writes(
    run: Command,
    started: Callable[[Mapping[str, str]], Started],
    tmp_path: Path,
    command: tuple[str, ...],
) -> None:
    words = [command[0], str(trained()), *command[1:]]
    assert run(*words, tmp_path / "one.parquet", "--batch-size", "7")[0] == 0
    out = tmp_path / "parts.parquet"
    words = [*words, str(out), "--batch-size", "7", "--json"]
    begun = [started({}).begin(words, tmp_path, place) for place in places(2)]
    first, second = (one.end() for one in begun)
    assert (first.code, second.code) == (0, 0), (first.err, second.err)
    assert sorted(file.name for file in out.iterdir()) == [
        "part-00000-of-00002.parquet",
        "part-00001-of-00002.parquet",
    ]
    one, parts = pq.read_table(tmp_path / "one.parquet"), pq.read_table(out)
    assert one.schema == parts.schema
    for name in one.schema.names:
        if one[name].type in ("string", "bool"):
            assert one[name].to_pylist() == parts[name].to_pylist()
    told = json.loads(first.out)
    assert (told["products"], told["file"]) == (60, str(out))
    assert (second.out, second.err) == (b"", b"")


def test_what_is_there_stays(tmp_path: Path) -> None:
    """A folder of somebody's is no place for parts."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("precious")
    processes = Processes(ProcessPlace(0, 2, 0))
    processes.tell, processes.wait = lambda text: text, lambda: None  # type: ignore[method-assign]
    with (
        pytest.raises(K3MError, match="remove what is there"),
        own_part(tmp_path / "mine", processes),
    ):
        pass
    assert (tmp_path / "mine" / "file").read_text() == "precious"


def test_fewer_products_than_processes() -> None:
    with pytest.raises(ConfigError, match="2 products for 3 processes"):
        own_share(np.arange(2), Processes(ProcessPlace(0, 3, 0)))
