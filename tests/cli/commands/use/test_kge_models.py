"""`evaluate`, `complete`, `audit` and `embed` on a model of `k3m-kg kge train`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from k3m_kg.graph.store import GraphStore
from k3m_kg.kge.training import train
from k3m_kg.snapshot import Snapshot
from tests.evaluation.shop import shop_snapshot, trained, trained_kge
from tests.kge.toy import config, write

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    """A copy of its own for each test: calibration is kept in it."""
    return shutil.copytree(trained_kge(), tmp_path / "artifact")


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return Snapshot.open(trained_kge().parent / "snapshots")


def test_evaluate_asks_both_kinds_the_same(run: Command, artifact: Path) -> None:
    for split in ("train", "validation", "test"):
        options = ("--split", split, "--hide", "fits", "--json")
        reports = []
        for path in (artifact, trained()):
            code, out, err = run("evaluate", path, *options)
            assert (code, err) == (0, "")
            reports.append(json.loads(out))
        ours, k3m = reports
        assert (ours["sees"], k3m["sees"]) == ([], ["triples", "title", "image"])
        assert ours["products"] == k3m["products"]
        for name, row in k3m["per_property"].items():
            mine = ours["per_property"][name]
            for key in ("questions", "unseen", "candidates", "majority_mrr", "majority_hits@1"):
                assert mine[key] == row[key]
        for kind in ("title", "duplicates", "determined", "any"):
            assert ours["leakage"][kind]["share"] == k3m["leakage"][kind]["share"]
    code, out, _ = run("evaluate", artifact)
    assert code == 0
    assert "the model reads no title" in out.splitlines()[0]


def test_a_product_that_training_lacks_is_asked_by_its_property_alone(
    run: Command, artifact: Path, snapshot: Snapshot
) -> None:
    ids = [snapshot.ids[row] for row in snapshot.rows("test")[:2].tolist()]
    asked = [part for name in ids for part in ("--product", name)]
    options = ("--property", "kind", "--all", "--top-k", 4, "--json")
    code, out, err = run("complete", artifact, *asked, *options)
    assert code == 0
    assert "2 of 2 products are unknown to this model" in err
    found = [(row["value"], row["score"]) for row in json.loads(out)]
    assert len(found) == 8
    assert found[:4] == found[4:]
    known = snapshot.ids[int(snapshot.rows("train")[0])]
    code, out, err = run("complete", artifact, "--product", known, *options)
    assert "unknown" not in err
    assert [(row["value"], row["score"]) for row in json.loads(out)] != found[:4]


def test_it_is_calibrated_and_writes_what_is_sure(
    run: Command, artifact: Path, snapshot: Snapshot, tmp_path: Path
) -> None:
    code, out, err = run("evaluate", artifact, "--calibrate", "--json")
    assert (code, err) == (0, "")
    assert list(json.loads(out)["calibration"]["splits"]) == ["validation", "test"]
    kept = json.loads((artifact / "calibration.json").read_text("utf-8"))
    kept["properties"]["kind"] |= {"probability": [0.2] * 200, "right": [True] * 200}
    kept["properties"]["kind"] |= {"lacking": None, "applies": None, "temperature": 0.01}
    (artifact / "calibration.json").write_text(json.dumps(kept), "utf-8")
    source, db = tmp_path / "shop.tsv", f"sqlite:///{tmp_path / 'graph.db'}"
    lines = [f"{name}\ta title\thttps://x/1.jpg\tfits#:#all\tcoats\n" for name in snapshot.ids]
    source.write_text("".join(lines), "utf-8")
    assert run("ingest", source, "--db", db)[0] == 0
    sure = ("--precision", 0.95, "--applies", 0)
    code, out, err = run("complete", artifact, *sure, "--write", "--db", db, "--json")
    assert code == 0
    assert json.loads(out)["triples_added"] == 1  # only p010 lacks a kind
    with GraphStore.open(db) as store:
        assert [name for name, _ in store.product("p010").triples] == ["fits", "kind"]


def test_its_proposals_have_no_parts(run: Command, artifact: Path, snapshot: Snapshot) -> None:
    known = snapshot.ids[int(snapshot.rows("train")[0])]
    options = ("--product", known, "--property", "kind", "--all", "--top-k", 1, "--explain")
    code, out, err = run("complete", artifact, *options, "--json")
    assert code == 0
    assert json.loads(out)[0]["explanation"] == {"parts": [], "without": {}}
    assert "a proposal has no parts" in err


def test_audit_looks_at_values_only(run: Command, artifact: Path) -> None:
    code, out, err = run("audit", artifact, "--split", "train", "--top", 3, "--json")
    assert code == 0
    report = json.loads(out)
    assert list(report["judged"]) == ["values"]
    assert [item["kind"] for item in report["findings"]] == ["value"] * 3
    assert "only values: the model sees nothing else" in err


def test_embed_gives_its_product_vectors(
    run: Command, artifact: Path, snapshot: Snapshot, tmp_path: Path
) -> None:
    code, _, err = run("embed", artifact, tmp_path / "v.parquet")
    assert code == 0
    vectors = pq.read_table(tmp_path / "v.parquet")["vector"].to_pylist()
    unseen = snapshot.rows("test").tolist()
    assert len({tuple(vectors[row]) for row in unseen}) == 1
    assert len({tuple(vectors[row]) for row in snapshot.rows("train").tolist()}) > 10
    assert "are unknown to this model" in err


def test_it_is_at_work_on_a_snapshot_of_other_products_and_terms(
    run: Command, artifact: Path, tmp_path: Path
) -> None:
    from dataclasses import replace

    def renamed(product):
        triples = (*product.triples, ("made of", f"stuff {product.id}"))
        return replace(product, id=f"new {product.id}", triples=triples)

    other = shop_snapshot(tmp_path / "other", 20, renamed)
    options = ("--snapshot", other.path, "--property", "kind", "--json")
    code, out, _ = run("complete", artifact, *options, "--all", "--top-k", 1, "--applies", 0)
    assert code == 0
    assert len(json.loads(out)) == 20
    assert run("evaluate", artifact, "--snapshot", other.path, "--json")[0] == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("audit", "ARTIFACT", "--kind", "titles"), 2, "this model sees no titles"),
        (("audit", "ARTIFACT", "--kind", "images"), 2, "this model sees no images"),
        (
            ("evaluate", "ARTIFACT", "--task", "classification", "--target", "kind"),
            2,
            "looks products up",
        ),
        (("complete", "ARTIFACT", "--precision", "0.9"), 1, "not calibrated"),
        (("evaluate", "ARTIFACT", "--property", "kinds"), 2, "Did you mean 'kind'"),
    ],
)
def test_what_it_cannot_do_is_one_clear_message(
    run: Command, artifact: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    found, out, err = run(*(artifact if word == "ARTIFACT" else word for word in words))
    assert (found, out) == (code, "")
    assert said in err


def test_a_model_of_triple_files_knows_no_products(run: Command, tmp_path: Path) -> None:
    artifact = train(config(tmp_path, tmp_path / "run", triples={"folder": write(tmp_path / "t")}))
    for command in (("evaluate",), ("complete",), ("audit",)):
        code, out, err = run(*command, artifact)
        assert (code, out) == (2, "")
        assert "trained on triple files: it knows no products" in err
        assert "k3m-kg kge evaluate" in err
