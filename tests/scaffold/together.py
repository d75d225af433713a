"""Run where the packages are installed: what `plugins new` writes, from catalog to evaluation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from k3m_kg.cli.app import app
from k3m_kg.scaffold.kinds import KINDS

CONFIG = {
    "snapshot": "cuts",
    "output": "artifact",
    "image_encoder": {"name": "new-image-encoder", "cells": 2},
    "text_encoder": {"name": "new-text-encoder", "buckets": 200},
    "fusion": "new-fusion",
    "model": {"hidden": 16, "interactor": "new-interactor", "structure": "new-structure"},
    "tasks": ["lpm", "mlm", {"name": "new-task", "rate": 0.5}, "example-contrastive"],
    "training": {"epochs": 1, "batch_size": 16, "device": "cpu"},
}


def run(*arguments: str) -> str:
    """What `k3m-kg ARGUMENTS` prints."""
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_nine_new_plugins_take_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    listed = {(row["kind"], row["name"]) for row in json.loads(run("plugins", "list", "--json"))}
    assert {(kind, f"new-{kind}") for kind in KINDS} <= listed
    colours, lines = ("red", "green", "blue"), ["# new-reader"]
    Path("pictures").mkdir()
    for number in range(40):
        colour = colours[number % 3]
        lines.append(f"p{number:02} | {colour} cup {number} | colour={colour} | use=tea")
        picture = Image.new("RGB", (16, 16), colour)
        picture.putpixel((number % 16, 0), (number, number, number))  # or all are one group
        picture.save(f"pictures/p{number:02}.png")
    Path("catalog.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    read = json.loads(run("ingest", "catalog.txt", "--images", "pictures", "--json"))
    assert (read["products_added"], read["rows_quarantined"]) == (40, 0)
    kinds = [f"p{number:02},{('mugs', 'bowls')[number % 2]}" for number in range(40)]
    Path("kinds.csv").write_text("\n".join(["id,category", *kinds]) + "\n", encoding="utf-8")
    run("ingest", "kinds.csv", "--accept")
    run("snapshot", "cuts")
    Path("run.yaml").write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
    run("pretrain", "run.yaml")
    record = json.loads(Path("artifact/artifact.json").read_text(encoding="utf-8"))
    used = {row["package"] for row in record["plugins"]}
    built = {"image-encoder", "text-encoder", "fusion", "interactor", "structure", "task"}
    assert used >= {f"new-{kind}" for kind in built} | {"example-contrastive-task"}
    evaluated = run("evaluate", "artifact", "--task", "new-evaluation", "--split", "test", "--json")
    assert json.loads(evaluated)["metrics"]["products"] > 1
    Path("table.csv").write_text("sku,colour\na1,red\na2,\n", encoding="utf-8")
    assert run("new-command", "table.csv").splitlines()[0] == " 50.0 %  'colour'"
