"""A stranger's plugin package, installed with pip, reads a catalog and trains a model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugins.outside import installed, outputs

PACKAGE = Path(__file__).parent / "acme_plugin"
CONFIG = """\
snapshot: cuts
output: artifact
text_encoder: {name: acme-hashed-words, buckets: 300}
fusion: {name: acme-stronger, sharpness: 2}
image_encoder: {name: patch-vit, size: 16, patch: 8, stem: linear, layers: 1, heads: 2, codebook: 4}
model: {hidden: 16, interactor: {layers: 1, heads: 2}, structure: {heads: 2}}
training: {epochs: 1, batch_size: 8, threads: 1}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(tmp_path_factory.mktemp("acme"), PACKAGE)


def test_a_large_source_of_an_outside_reader_is_read_by_another_process(
    site: Path, tmp_path: Path
) -> None:
    (tmp_path / "large.acme").write_text(
        "".join(f"p{number} ; cup {number} ; colour=red {'x' * 200}\n" for number in range(12_000))
    )
    (tmp_path / "sitecustomize.py").write_text(
        """
import os, sys
if "ingest" not in sys.argv:  # the reading process
    def find(name, *_):
        if name == "acme_plugin.reader":
            open("read-by", "a").write(f"{os.getpid()} {os.getppid()}\\n")
    finder = type("Finder", (), {"find_spec": staticmethod(find)})
    sys.meta_path.insert(0, finder)
"""
    )
    path = os.pathsep.join([str(tmp_path), str(site), *filter(None, sys.path)])
    program = "import os; print(os.getpid(), flush=True); from k3m_kg.cli.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "ingest", "large.acme", "--set", "separator=;", "--json"],
        env=os.environ | {"PYTHONPATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    first, _, text = done.stdout.partition("\n")
    assert json.loads(text)["products_added"] == 12_000
    read_by = [line.split() for line in (tmp_path / "read-by").read_text().splitlines()]
    assert read_by
    assert all(reader != parent == first for reader, parent in read_by)


@pytest.mark.slow
def test_an_outside_plugin_of_each_kind_takes_part(site: Path, tmp_path: Path) -> None:
    colours = ("red", "green", "blue")
    lines = [
        f"p{number} | {colours[number % 3]} cup {number} | colour={colours[number % 3]} | use=tea"
        for number in range(40)
    ]
    text = "\n".join([*lines, " | no id | colour=red"]) + "\n"
    (tmp_path / "catalog.acme").write_text(text, encoding="utf-8")
    (tmp_path / "run.yaml").write_text(CONFIG, encoding="utf-8")
    norms = ("--task", "acme-norms", "--set", "longest=0", "--split", "train", "--json")
    listed, shown, taken, _, _, ranked, measured, label, helped = outputs(
        site,
        tmp_path,
        ("plugins", "list", "--json"),
        ("plugins", "show", "acme-stronger", "--json"),
        ("ingest", "catalog.acme", "--format", "acme", "--json"),
        ("snapshot", "cuts"),
        ("pretrain", "run.yaml"),
        ("evaluate", "artifact", "--task", "link-prediction", "--json"),
        ("evaluate", "artifact", *norms),
        ("acme-label", "p1", "--width", "6"),
        ("--help",),
    )
    rows = json.loads(listed)
    acme = {(row["kind"], row["name"]) for row in rows if row["package"] == "acme-plugin"}
    assert acme == {
        ("fusion", "acme-stronger"),
        ("text-encoder", "acme-hashed-words"),
        ("reader", "acme"),
        ("evaluation", "acme-norms"),
        ("command", "acme-label"),
    }
    assert json.loads(shown)["settings"] == [
        {
            "name": "sharpness",
            "type": "number",
            "default": "1.0",
            "meaning": "0 averages both sources, a large number takes the larger one.",
        }
    ]
    counts = json.loads(taken)
    assert (counts["products_added"], counts["rows_quarantined"]) == (40, 1)

    record = json.loads((tmp_path / "artifact" / "artifact.json").read_text(encoding="utf-8"))
    used = {(row["kind"], row["name"], row["package"], row["version"]) for row in record["plugins"]}
    assert ("fusion", "acme-stronger", "acme-plugin", "1.2.0") in used
    assert ("text-encoder", "acme-hashed-words", "acme-plugin", "1.2.0") in used
    assert 0 < json.loads(ranked)["metrics"]["mrr"] <= 1
    report = json.loads(measured)
    assert (report["task"], report["split"], report["per_property"]) == ("acme-norms", "train", {})
    assert report["metrics"]["mean"] > 0
    assert report["metrics"]["long"] > 0
    assert label == "[  p1  ]\n"
    assert "Print a label for a product. (acme-plugin)" in helped
