"""`k3m-kg complete` as a user sees it."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from k3m_kg.graph.reviewing.desk import ReviewDesk
from k3m_kg.graph.reviewing.items import DecidedAs, ReviewOffer
from k3m_kg.graph.store import GraphStore
from k3m_kg.use.completion.proposing import everything_applies
from k3m_kg.use.open_model import open_model
from k3m_kg.use.queueing import model_name
from tests.cli.commands.shop import shop_graph
from tests.cli.conftest import Command


@pytest.fixture
def sure(calibrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An artifact that was always right about `kind` on validation, however sure it was.

    Everything applies to every product, one that has no triple at all too.
    """
    monkeypatch.setattr(
        "k3m_kg.use.completion.lacking.what_applies", lambda opened: everything_applies
    )
    folder = shutil.copytree(calibrated, tmp_path / "artifact")
    kept = json.loads((folder / "calibration.json").read_text("utf-8"))
    kept["properties"]["kind"] |= {"probability": [0.1] * 200, "right": [True] * 200}
    kept["properties"]["kind"] |= {"lacking": [1.0] * 500, "applies": [1.0] * 500}
    (folder / "calibration.json").write_text(json.dumps(kept), "utf-8")
    return folder


def test_complete_json_is_a_list_of_proposals(
    run: Command, calibrated: Path, snapshots: Path
) -> None:
    options = ("--snapshot", snapshots, "--product", "p010", "--property", "kind", "--top-k", 2)
    options = (*options, "--applies", 0)
    code, out, err = run("complete", calibrated, *options, "--json")
    assert code == 0
    (note,) = err.splitlines()
    assert note.startswith(f"as in the snapshot {snapshots}")
    found = json.loads(out)
    assert len(found) == 2
    keys = ["product", "property", "value", "score", "probability", "applies"]
    assert all(list(row) == keys for row in found)
    assert {(row["product"], row["property"]) for row in found} == {("p010", "kind")}
    assert found[0]["probability"] >= found[1]["probability"]


def test_complete_prints_by_product_and_says_so_when_nothing_is_missing(
    run: Command, artifact: Path
) -> None:
    ask = ("complete", artifact, "--product", "p010", "--top-k", 1, "--applies", 0)
    code, out, err = run(*ask)
    assert code == 0
    assert out.splitlines()[:2] == ["p010", "  itemColour"]
    assert len(out.splitlines()) == 1 + 2 * 3
    assert "left out, nearly constant: fits (100.0% are 'all')" in err
    code, out, err = run(*ask, "--every-property")
    assert len(out.splitlines()) == 1 + 2 * 4
    assert "left out" not in err
    code, out, err = run("complete", artifact, "--product", "p001", "--min-share", 1)
    assert (code, out) == (0, "")
    assert "nothing is missing" in err
    code, out, _ = run("complete", artifact, "--product", "p001", "--property", "kind", "--all")
    assert out.splitlines()[:2] == ["p001", "  kind"]


def test_complete_says_how_many_empty_cells_it_did_not_ask(run: Command, artifact: Path) -> None:
    ask = ("complete", artifact, "--product", "p010", "--every-property", "--applies")
    code, out, err = run(*ask, 1)  # p010 states nothing
    assert (code, out) == (0, "")
    assert "4 empty cells were not asked" in err
    assert "less probably than 100%: --applies" in err
    assert "nothing is missing" not in err
    assert "not asked" not in run(*ask, 0)[2]


def test_complete_writes_a_file_instead(run: Command, artifact: Path, tmp_path: Path) -> None:
    out = tmp_path / "filled.csv"
    ask = ("--all", "--every-property", "--applies", 0)
    code, printed, err = run("complete", artifact, *ask, "--top-k", 1, "--out", out)
    assert (code, printed) == (0, "")
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 60 * 4
    assert "240 proposals for 60 products" in err


def test_complete_explains(run: Command, calibrated: Path) -> None:
    options = ("--product", "p001", "--property", "kind", "--all", "--top-k", 1, "--explain")
    code, out, _ = run("complete", calibrated, *options, "--parts", 3, "--json")
    assert code == 0
    (row,) = json.loads(out)
    assert len(row["explanation"]["parts"]) <= 3
    assert set(row["explanation"]["without"]) == {"triples", "title", "image"}
    code, out, _ = run("complete", calibrated, *options)
    assert code == 0
    assert "with no title" in out


def test_complete_gives_only_what_is_sure_enough_and_says_what_gives_nothing(
    run: Command, sure: Path, tmp_path: Path
) -> None:
    code, out, err = run("complete", sure, "--all", "--precision", 0.95, "--json")
    assert code == 0
    found = json.loads(out)
    assert {row["property"] for row in found} == {"kind"}
    assert len(found) == 60  # every product's best value, and no other
    assert "kind: 60 of 60 (100.0%)" in err
    assert "price: nothing, as no threshold reaches 95.0% on validation" in err
    options = ("--all", "--precision", 0.95, "--out", tmp_path / "o.jsonl", "--json")
    code, out, err = run("complete", sure, *options)
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert (report["proposals"], report["per_property"]["kind"]["coverage"]) == (60, 1.0)
    assert report["per_property"]["price"]["threshold"] is None
    assert report["left_out"] == {"fits": "100.0% are 'all'"}


def test_complete_writes_what_it_accepts_into_the_graph_and_undo_takes_it_back(
    run: Command, sure: Path, tmp_path: Path
) -> None:
    source, db = tmp_path / "shop.tsv", f"sqlite:///{tmp_path / 'graph.db'}"
    rows = [f"p{n:03}\ta title\thttps://x/1.jpg\tfits#:#all\tcoats\n" for n in range(60)]
    source.write_text("".join(rows), "utf-8")
    assert run("ingest", source, "--db", db)[0] == 0
    options = ("--precision", 0.95, "--write", "--db", db)
    code, out, err = run("complete", sure, *options, "--json")
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert report["triples_added"] == 1  # only one product of the snapshot has no kind
    with GraphStore.open(db) as store:
        assert [name for name, _ in store.product("p010").triples] == ["fits", "kind"]
        with store.writing() as writer:
            writer.undo(report["run"])
        assert [name for name, _ in store.product("p010").triples] == ["fits"]
    code, out, err = run("complete", sure, *options)
    assert (code, out) == (0, "")
    assert "1 triples written as run" in err
    code, out, err = run("complete", sure, *options)
    assert code == 0
    assert "0 triples written; no run; 1 are there already" in err


def test_what_is_decided_of_the_queue_says_whether_a_promise_holds(
    run: Command, sure: Path, tmp_path: Path
) -> None:
    db = shop_graph(run, tmp_path)
    code, out, err = run("complete", sure, "--review", "--db", db)
    assert (code, out) == (0, "")
    assert " new items to review, 0 renewed" in err
    trained_by = open_model(sure, None, device="cpu").trained
    with GraphStore.open(db) as store:
        desk = ReviewDesk(store)
        (item,) = desk.next("ann", property="kind")
        assert (item.product, item.property, item.promised) == ("p010", "kind", 0.95)
        assert item.details["alternatives"][0]["value"] != item.value
        desk.decide("ann", [item.id], DecidedAs.REJECT)
        # of more that was promised for, people find most wrong
        offers = [
            ReviewOffer(f"p{n:03}", "kind", "a kind", 0.9999, promised=0.95) for n in range(20, 30)
        ]
        desk.add(model_name(trained_by), offers)
        for item in desk.next("ann", 10, property="kind"):
            answer = DecidedAs.ACCEPT if item.product < "p023" else DecidedAs.REJECT
            desk.decide("ann", [item.id], answer)
    options = ("--precision", 0.95, "--write", "--db", db)
    code, out, err = run("complete", sure, *options, "--json")
    report = json.loads(out)
    assert (code, report["triples_added"]) == (0, 0)
    broken = report["broken_promises"]["kind"]
    assert (broken["decided"], broken["right"], broken["broken"]) == (11, 3, True)
    code, out, err = run("complete", sure, *options)
    assert "kind: nothing is written: of what 95.0% was promised for reviewers found 3 of 11" in err
