"""`k3m-kg evaluate`, `embed`, `complete`, `classify` and `audit` as a user sees them."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from k3m_kg.cli.console import print_json
from k3m_kg.contracts import Verdict
from k3m_kg.graph.reviewing.desk import ReviewDesk
from k3m_kg.graph.reviewing.items import DecidedAs, ReviewOffer
from k3m_kg.graph.store import GraphStore
from k3m_kg.use.calibration.kept import calibrate
from k3m_kg.use.calibration.verdicts import keep_verdict
from k3m_kg.use.completion.proposing import everything_applies
from k3m_kg.use.open_model import open_model
from k3m_kg.use.queueing import model_name
from tests.evaluation.shop import shop_snapshot, trained, untrained

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def artifact() -> Path:
    return trained()


@pytest.fixture(scope="module")
def calibrated(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the artifact with its calibration."""
    folder = shutil.copytree(artifact, tmp_path_factory.mktemp("calibrated") / "artifact")
    opened = open_model(folder, None, device="cpu")
    calibrate(opened)
    judge(folder, "ahead")
    return folder


TASK = ("--task", "classification", "--target", "category")


def judge(folder: Path, outcome: str, what: str = "link prediction") -> None:
    """Let an artifact know what it is worth."""
    sign = {"ahead": 1, "behind": -1}[outcome]
    low, high = sorted((0.1 * sign, 0.3 * sign))
    verdict = Verdict(
        what=what,
        split="test",
        measure="Hits@1",
        model=0.5,
        against="a linear model on words",
        competitor=0.5 - 0.2 * sign,
        low=low,
        high=high,
        outcome=outcome,
        questions=9,
        products=9,
    )
    opened = open_model(folder, None, device="cpu")
    (folder / "verdict.json").unlink(missing_ok=True)
    keep_verdict(opened.trained, opened.snapshot.id, verdict)


@pytest.fixture(scope="session")
def snapshots(artifact: Path) -> Path:
    return artifact.parent / "snapshots"


def test_evaluate_prints_one_row_per_property_and_nothing_else(
    run: Command, artifact: Path
) -> None:
    code, out, err = run("evaluate", artifact)
    assert (code, err) == (0, "")
    names = [line.split("  ")[0] for line in out.splitlines()[2:]]
    assert names[:5] == ["itemColour", "kind", "price", "mean over properties", "all questions"]
    assert names.pop(5).startswith("mean Hits@1 over properties, 95 % interval over products: ")
    assert names[5:13] == [
        "",
        "mean over properties",
        "this model",
        "the majority",
        "a linear model on words",
        "a linear model on attributes",
        "a linear model on features",
        "a linear model on all inputs",
    ]
    assert names[13:-2] == [
        "",
        "answers given away",
        "in the title",
        "by a duplicate in train",
        "by another triple",
        "by any of these",
    ]
    assert "cut out of the title" in out.splitlines()[0]
    assert names[-1].startswith("verdict: link prediction on test: behind a linear model on ")


def test_baselines_are_per_property_too_and_can_be_left_out(run: Command, artifact: Path) -> None:
    _, out, _ = run("evaluate", artifact, "--per-property", "--no-leakage")
    rows = [line.split() for line in out.splitlines() if line.startswith(("Hits@1", "kind "))]
    assert rows[1] == [
        "Hits@1",
        "this",
        "model",
        "majority",
        "words",
        "attributes",
        "features",
        "all",
    ]
    assert len(rows[2]) == 7
    _, out, _ = run("evaluate", artifact, "--no-baselines", "--json")
    report = json.loads(out)
    assert not {"baselines", "verdict"} & set(report)
    code, _, err = run(
        "evaluate", artifact, "--task", "classification", "--target", "kind", "--per-property"
    )
    assert (code, "--per-property is for link-prediction" in err) == (2, True)


def test_what_is_hidden_is_hidden_from_the_baselines_too_and_gives_no_kept_verdict(
    run: Command, artifact: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(artifact, tmp_path / "artifact")
    (folder / "verdict.json").unlink(missing_ok=True)
    _, out, _ = run("evaluate", folder, "--hide-title", "--json", "--no-leakage")
    report = json.loads(out)
    assert report["hide_modalities"] == ["title"]
    assert list(report["baselines"]) == ["majority", "attributes", "features", "all"]
    assert not report["verdict"]["usual"]
    options = ("--hide-image", "--hide-modality", "triples", "--no-leakage")
    _, out, _ = run("evaluate", folder, *options, "--json")
    assert list(json.loads(out)["baselines"]) == ["majority", "words"]
    options = ("--task", "classification", "--target", "kind", "--hide-image", "--json")
    _, out, _ = run("evaluate", folder, *options)
    assert list(json.loads(out)["baselines"]) == ["majority", "words", "attributes", "all"]
    code, _, err = run("evaluate", folder, "--hide-modality", "titel")
    assert (code, "'titel'" in err, "title" in err) == (2, True, True)
    assert not (folder / "verdict.json").exists()


def test_what_a_model_is_worth_is_kept_and_said_again(
    run: Command, artifact: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(artifact, tmp_path / "artifact")
    kept = folder / "verdict.json"
    kept.unlink(missing_ok=True)
    commands = (
        ("complete", folder, "--product", "p010", "--every-property", "--json"),
        ("audit", folder, "--kind", "values", "--json"),
        ("embed", folder, tmp_path / "v.parquet", "--json"),
    )

    def said() -> list[list[str]]:
        errors = [run(*words)[2].splitlines() for words in commands]
        known = ("calibrated", "as in the snapshot")
        return [[e for e in lines if not any(word in e for word in known)] for lines in errors]

    assert all("never evaluated" in line for (line,) in said())
    run("evaluate", folder)
    run("evaluate", folder, "--task", "classification", "--target", "kind")
    tasks = [item["verdict"]["what"] for item in json.loads(kept.read_text())["kept"]]
    assert tasks == ["link prediction", "classification by kind"]
    assert all("a simple model is better: link prediction on test" in line for (line,) in said())
    judge(folder, "ahead")
    assert said() == [[], [], []]
    kept.write_text(kept.read_text().replace('"weights": "', '"weights": "0'))
    assert all("never evaluated" in line for (line,) in said())
    kept.write_text("{}")
    assert all("cannot be read" in line for (line,) in said())


def test_evaluate_tells_what_was_corrupted_and_keeps_no_verdict(
    run: Command, artifact: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(artifact, tmp_path / "artifact")
    (folder / "verdict.json").unlink(missing_ok=True)
    harm = ("--corrupt", "TMR:0.5", "--corrupt", "KNR:1", "--corrupt-seed", 3, "--no-leakage")
    code, out, err = run("evaluate", folder, *harm)
    assert (code, err) == (0, "")
    first, second = out.splitlines()[:2]
    assert "TMR:0.5 (seed 3)" in first
    assert "lost their title" in first
    assert "another product's triples" in second
    _, out, _ = run("evaluate", folder, *harm, "--json")
    assert [item["name"] for item in json.loads(out)["corruption"]["applied"]] == ["TMR", "KNR"]
    assert not (folder / "verdict.json").exists()
    code, _, err = run("evaluate", folder, "--corrupt", "TNT:0.5")
    assert code == 2
    assert "TNR" in err
    code, _, err = run("evaluate", folder, "--corrupt", "TMR:1", "--calibrate")
    assert code == 2


def test_evaluate_json_is_one_object_with_the_promised_keys(run: Command, artifact: Path) -> None:
    options = ("--property", "kind", "--keep-title", "--split", "validation", "--json")
    code, out, err = run("evaluate", artifact, *options)
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert (report["task"], report["split"]) == ("link-prediction", "validation")
    assert list(report["per_property"]) == ["kind"]
    assert report["cut_title"] is False
    assert report["hide"] == ["price"]  # from the run config's validation
    assert 0 < report["leakage"]["title"]["share"] < 1
    for key in ("mrr", "hits@1", "hits@3", "hits@10"):
        assert 0 <= report["metrics"][key] <= 1


def test_options_of_evaluate_override_what_training_validated_with(
    run: Command, artifact: Path
) -> None:
    options = ("--hide", "fits", "--cut-title", "--no-leakage", "--json")
    _, out, _ = run("evaluate", artifact, *options)
    report = json.loads(out)
    assert "leakage" not in report
    assert report["hide"] == ["fits"]
    assert report["cut_title"] is True


def test_classification_by_probe_and_by_finetuning(run: Command, artifact: Path) -> None:
    for mode, extra in (("probe", "strength"), ("finetune", "best_epoch")):
        options = ("--task", "classification", "--target", "kind", "--mode", mode)
        code, out, err = run("evaluate", artifact, *options, "--epochs", 1, "--json")
        assert (code, err) == (0, "")
        report = json.loads(out)
        assert (report["task"], report["mode"], report["split"]) == ("classification", mode, "test")
        assert {"accuracy", "macro_f1", "majority", extra} <= set(report["metrics"])
        assert report["per_property"]["kind"] == report["metrics"]
        assert report["cut_title"] is True
    code, out, _ = run("evaluate", artifact, "--task", "classification", "--target", "category")
    assert code == 0
    assert "left in the title" in out


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


def test_calibrating_checks_and_keeps_what_completion_then_uses(
    run: Command, artifact: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(artifact, tmp_path / "artifact")
    code, out, err = run("evaluate", folder, "--calibrate", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)["calibration"]
    assert list(found["splits"]) == ["validation", "test"]
    assert 0 <= found["splits"]["test"]["after"]["ece"] <= 1
    assert (folder / "reliability.png").exists()
    kept = json.loads((folder / "calibration.json").read_text("utf-8"))
    assert set(kept["properties"]) == {"itemColour", "kind", "price"}
    code, out, _ = run("evaluate", folder, "--calibrate", "--diagram", tmp_path / "r.png")
    assert "expected calibration error" in out
    assert (tmp_path / "r.png").exists()
    ask = ("--product", "p010", "--property", "kind", "--applies", 0, "--json")
    judge(folder, "ahead")
    _, out, err = run("complete", folder, *ask)
    _, plain, warning = run("complete", artifact, *ask)
    assert "calibrated" not in err
    assert "not calibrated" in warning
    assert [row["value"] for row in json.loads(out)] == [r["value"] for r in json.loads(plain)]
    assert json.loads(out)[0]["probability"] != json.loads(plain)[0]["probability"]


def test_figures_that_are_not_numbers_are_null_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": float("nan"), "b": [float("inf"), 1.5], "c": (None, True)})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1.5], "c": [None, True]}


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


def test_complete_writes_a_file_instead(run: Command, artifact: Path, tmp_path: Path) -> None:
    out = tmp_path / "filled.csv"
    ask = ("--all", "--every-property", "--applies", 0)
    code, printed, err = run("complete", artifact, *ask, "--top-k", 1, "--out", out)
    assert (code, printed) == (0, "")
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 60 * 4
    assert "240 proposals for 60 products" in err


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


def shop_graph(run: Command, tmp_path: Path) -> str:
    source, db = tmp_path / "shop.tsv", f"sqlite:///{tmp_path / 'graph.db'}"
    rows = [f"p{n:03}\ta title\thttps://x/1.jpg\tfits#:#all\tcoats\n" for n in range(60)]
    source.write_text("".join(rows), "utf-8")
    assert run("ingest", source, "--db", db)[0] == 0
    return db


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


@pytest.fixture(scope="module")
def half_classified(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact on a shop of which every third product has no category."""
    folder = tmp_path_factory.mktemp("half")

    def some_lack_it(product):  # type: ignore[no-untyped-def]
        return replace(product, category=None) if int(product.id[1:]) % 3 == 0 else product

    return untrained(shop_snapshot(folder, 240, some_lack_it, holdout=0), folder / "artifact")


def test_classify_writes_categories_that_undo_takes_back(
    run: Command, half_classified: Path, tmp_path: Path
) -> None:
    source, db = tmp_path / "shop.tsv", f"sqlite:///{tmp_path / 'graph.db'}"
    rows = [f"p{n:03}\ta title\thttps://x/1.jpg\tfits#:#all\t\n" for n in range(240)]
    source.write_text("".join(rows), "utf-8")
    assert run("ingest", source, "--db", db)[0] == 0
    code, out, err = run(
        "classify", half_classified, "--precision", 0.1, "--write", "--db", db, "--json"
    )
    assert code == 0
    assert "was never evaluated on classification by category" in err
    assert "have a category: left alone" in err
    report = json.loads(out)
    given = report["per_property"]["category"]
    assert 0 < report["categories_added"] == given["accepted"] <= given["asked"]
    assert given["asked"] == report["products"] == 81  # every third, and one that has no kind
    with GraphStore.open(db) as store:
        found = {product.id: product.category for product in store.iter_products()}
        assert sum(text is not None for text in found.values()) == report["categories_added"]
        assert found["p001"] is None  # the snapshot has one: nothing is proposed
        assert len(list(store.diff(report["run"]))) == report["categories_added"]
    code, out, _ = run("diff", report["run"], "--db", db)
    assert (code, "category" in out) == (0, True)
    assert run("undo", report["run"], "--db", db)[0] == 0
    with GraphStore.open(db) as store:
        assert {product.category for product in store.iter_products()} == {None}


def test_classify_prints_writes_a_file_and_says_where_a_linear_model_is_ahead(
    run: Command, half_classified: Path, tmp_path: Path
) -> None:
    code, out, _ = run("classify", half_classified, "--product", "p003", "--product", "p004")
    assert code == 0
    lines = out.splitlines()
    assert lines[:2] == ["p003", "  category"]
    assert len(lines) == 2 + 3
    options = ("--top-k", 1, "--explain", "--split", "test")
    code, out, _ = run("classify", half_classified, *options, "--out", tmp_path / "c.jsonl")
    assert (code, out) == (0, "")
    rows = [json.loads(line) for line in (tmp_path / "c.jsonl").read_text("utf-8").splitlines()]
    assert {row["property"] for row in rows} == {"category"}
    assert all(row["explanation"]["without"] for row in rows)
    assert run("evaluate", half_classified, *TASK)[0] == 0
    judge(half_classified, "behind", "classification by category")
    code, _, err = run("classify", half_classified, "--product", "p003", "--json")
    assert code == 0
    assert "a simple model is better: classification by category" in err


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


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("evaluate", "ARTIFACT", "--task", "clasification"), 2, "Did you mean 'classification'"),
        (("evaluate", "ARTIFACT", "--split", "tset"), 2, "Did you mean 'test'"),
        (("evaluate", "ARTIFACT", "--property", "kinds"), 2, "Did you mean 'kind'"),
        (("evaluate", "ARTIFACT", "--task", "classification"), 2, "key 'target' is required"),
        (("evaluate", "ARTIFACT", "--target", "kind"), 2, "--target is for classification"),
        (("evaluate", "ARTIFACT", "--set", "leakagee=false"), 2, "did you mean 'leakage'?"),
        (("evaluate", "ARTIFACT", "--set", "batch_size=x"), 2, "batch_size"),
        (("evaluate", "ARTIFACT", "--set", "leakage"), 2, "an override must be key=value"),
        (("evaluate", "ARTIFACT", "--snapshot", "nowhere"), 1, "nowhere: no such snapshot"),
        (("evaluate", "ARTIFACT", "--diagram", "r.png"), 2, "--diagram is for --calibrate"),
        (("evaluate", "nowhere"), 1, "nowhere: no such artifact"),
        (("evaluate", "ARTIFACT", "--device", "abacus"), 2, "abacus"),
        (("embed", "ARTIFACT", "nowhere/v.parquet"), 1, "cannot be written"),
        (("embed", "ARTIFACT", "v.parquet", "--split", "tests"), 2, "Did you mean 'test'"),
        (("complete", "ARTIFACT", "--product", "p10"), 1, "did you mean 'p010'"),
        (("complete", "ARTIFACT", "--property", "itemColor"), 2, "Did you mean 'itemColour'"),
        (("complete", "ARTIFACT", "--out", "o.tsv"), 2, "did you mean .csv?"),
        (("complete", "ARTIFACT", "--top-k", "0"), 2, "top-k"),
        (("complete", "ARTIFACT", "--precision", "1.5"), 2, "precision"),
        (("audit", "ARTIFACT", "--kind", "title"), 2, "Did you mean 'titles'"),
        (("complete", "ARTIFACT", "--write"), 2, "--write needs --precision"),
        (("classify", "ARTIFACT", "--write"), 2, "--write needs --precision"),
        (("classify", "ARTIFACT", "--product", "nobody"), 1, "nobody"),
        (("complete", "ARTIFACT", "--write", "--precision", "0.9"), 1, "k3m-kg.db"),
        (("complete", "ARTIFACT", "--review"), 1, "k3m-kg.db"),
        (("complete", "ARTIFACT", "--review", "--all"), 2, "--review and --all"),
        (("complete", "ARTIFACT", "--review", "--write"), 2, "--write or --review"),
        (("classify", "ARTIFACT", "--review"), 1, "k3m-kg.db"),
        (("audit", "ARTIFACT", "--review"), 1, "k3m-kg.db"),
        (("complete", "ARTIFACT", "--precision", "0.9"), 1, "not calibrated"),
    ],
)
def test_each_mistake_is_one_clear_message(
    run: Command,
    artifact: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    found, out, err = run(*(artifact if word == "ARTIFACT" else word for word in words))
    assert (found, out) == (code, "")
    assert said in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_model_without_link_prediction_embeds_but_does_not_rank(
    run: Command, tmp_path: Path
) -> None:
    artifact = trained(tasks=("mlm",))
    for command in ("evaluate", "complete", "audit"):
        code, _, err = run(command, artifact)
        assert code == 1
        assert "trained without the task lpm" in err
    assert run("embed", artifact, tmp_path / "v.parquet")[0] == 0


def test_help_of_these_commands_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from k3m_kg.cli.app import main\n"
        "for name in ('evaluate', 'embed', 'complete', 'audit'):\n"
        "    sys.argv = ['k3m-kg', name, '--help']\n"
        "    try: main()\n"
        "    except SystemExit as end: assert not end.code\n"
        "heavy = {'torch', 'pykeen', 'transformers', 'sklearn', 'pyarrow', 'numpy'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
