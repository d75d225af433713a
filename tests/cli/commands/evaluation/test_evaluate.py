"""`k3m-kg evaluate` as a user sees it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.cli.commands.shop import judge
from tests.cli.conftest import Command


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
        known = ("calibrated", "as in the snapshot", "cells were not asked")
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
