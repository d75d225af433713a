"""`k3m-kg audit` as a user sees it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.commands.shop import shop_graph
from tests.cli.conftest import Command


def test_audit_prints_each_kind_and_its_json_is_one_object(
    run: Command, calibrated: Path, artifact: Path
) -> None:
    code, out, err = run("audit", calibrated, "--top", 2, "--json")
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert report["calibrated"] is True
    assert list(report["judged"]) == ["values", "titles", "images"]
    assert [f["kind"] for f in report["findings"]] == 2 * ["value"] + 2 * ["title"] + 2 * ["image"]
    code, out, err = run("audit", artifact, "--kind", "titles", "--top", 1, "--split", "test")
    assert code == 0
    assert "not calibrated" in err
    assert out.startswith("titles: the most suspicious of ")
    assert "rather" in out
    assert "nice" in out.splitlines()[2]


def test_audit_puts_doubted_values_into_the_queue(
    run: Command, artifact: Path, tmp_path: Path
) -> None:
    db = shop_graph(run, tmp_path)
    code, out, _ = run("audit", artifact, "--kind", "values", "--top", 3, "--db", db, "--review",
                       "--json")  # fmt: skip
    report = json.loads(out)
    assert code == 0
    # this graph states none of these values, so there is nothing to put right
    assert report["review_stated"] == len(report["findings"]) == 3
