"""`k3m-kg embed` as a user sees it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq

from tests.cli.commands.shop import judge
from tests.cli.conftest import Command


def test_embed_writes_every_product(run: Command, artifact: Path, tmp_path: Path) -> None:
    out = tmp_path / "v.parquet"
    artifact = shutil.copytree(artifact, tmp_path / "artifact")
    judge(artifact, "ahead")
    code, printed, err = run("embed", artifact, out)
    assert (code, printed) == (0, "")
    assert "60 vectors of width 16" in err
    assert pq.read_table(out)["id"].to_pylist() == [f"p{n:03}" for n in range(60)]
    code, printed, err = run("embed", artifact, out, "--split", "test", "--json")
    assert (code, err) == (0, "")
    assert json.loads(printed)["products"] == pq.read_table(out).num_rows < 60
