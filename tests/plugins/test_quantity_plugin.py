"""A third modality from a stranger's package, from the catalog to `c*`, and what is said of it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from k3m_kg.batches.batcher import Batcher
from k3m_kg.config import ModelSettings
from k3m_kg.contracts import Catalog
from k3m_kg.graph.stored import StoredProduct
from k3m_kg.snapshot import SnapshotSettings, build_snapshot
from tests.plugins.outside import installed, outputs

PACKAGE = Path(__file__).parent / "quantity_plugin"
CONFIG = """\
snapshot: cuts
output: artifact
modalities: [title, image, {name: quantities, most: 3}]
text_encoder: {name: bert-wordpiece, vocab_size: 200, layers: 1, heads: 2}
image_encoder: {name: patch-vit, size: 16, patch: 8, stem: linear, layers: 1, heads: 2, codebook: 0}
model: {hidden: 32, interactor: {layers: 1, heads: 2}, structure: none}
tasks:
  - {name: modality-dropout, others: {quantities: 0.1}}
  - {name: lpm, loss: cross-entropy, keep_title: 0.0}
training: {epochs: 16, batch_size: 48, learning_rate: 1.0e-2, threads: 1}
validation: {properties: [class]}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(tmp_path_factory.mktemp("quantities"), PACKAGE)


@pytest.mark.slow
def test_what_only_the_third_modality_says_is_learnt_and_explained(
    site: Path, tmp_path: Path
) -> None:
    with (tmp_path / "catalog.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "weight", "class"])
        for number in range(240):
            grams = 10 + 7 * (number * 37 % 130)  # nearly no weight occurs twice
            size = "light" if grams < 460 else "heavy"
            weight = f"{grams} g" if number % 9 else ""  # some products show nothing at all
            rows.writerow([f"p{number:03}", weight, size])
    (tmp_path / "mapping.yaml").write_text(
        "id: id\nproperties: [weight, class]\n", encoding="utf-8"
    )
    (tmp_path / "run.yaml").write_text(CONFIG, encoding="utf-8")
    *_, evaluated, completed, audited = outputs(
        site,
        tmp_path,
        ("ingest", "catalog.csv", "--mapping", "mapping.yaml"),
        ("snapshot", "--holdout", "0", "cuts"),
        ("pretrain", "run.yaml"),
        ("evaluate", "artifact", "--task", "link-prediction", "--property", "class", "--json"),
        ("complete", "artifact", "--all", "--explain", "--property", "class", "--json"),
        ("audit", "artifact", "--json"),  # of values only: quantities say what values say
    )
    record = json.loads((tmp_path / "artifact" / "artifact.json").read_text(encoding="utf-8"))
    used = {(row["kind"], row["name"], row["package"]) for row in record["plugins"]}
    assert ("modality", "quantities", "quantity-plugin") in used

    asked = json.loads(evaluated)["per_property"]["class"]
    assert asked["hits@1"] >= 0.85 > asked["majority_hits@1"] + 0.2

    proposals = json.loads(completed)
    parts = [part for one in proposals for part in one["explanation"]["parts"]]
    assert any(p["kind"] == "quantities" and p["text"].startswith("weight ") for p in parts)
    assert any("quantities" in one["explanation"]["without"] for one in proposals)
    assert json.loads(audited)["judged"].keys() == {"values", "titles", "images"}


class Weighed:
    """Products of two quantities and a class."""

    def iter_subjects(self) -> Iterator[StoredProduct]:
        for n in range(60):
            triples = (("weight", f"{n + 1} g"), ("length", f"{n % 9} m"), ("class", f"{n % 3}"))
            yield StoredProduct(f"p{n:02}", None, None, triples, ())


@pytest.mark.parametrize("most", [64, 1])
def test_tokens_of_held_out_and_cut_off_triples_are_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Whether a batch may not show a triple, or has no room for it: no token of it either."""
    monkeypatch.syspath_prepend(PACKAGE)
    from quantity_plugin.quantities import QuantityData

    snapshot = build_snapshot(Weighed(), tmp_path, SnapshotSettings(holdout=0.3)).snapshot
    assert (snapshot.triple_holdout > 0).any()
    settings = ModelSettings(hidden=8, knowledge="term", max_triples=most)
    candidates, counts = snapshot.candidates()
    catalog = Catalog.wordless(list(snapshot.properties), list(snapshot.values), candidates, counts)
    batcher = Batcher(snapshot, {"quantities": QuantityData(snapshot, 3, {})}, settings, catalog)
    rows = np.arange(len(snapshot))
    shown_B = batcher.batch(rows).modalities["quantities"].shown_BN.sum(1)
    product, names, _ = batcher.triples(rows)
    quantities = [snapshot.properties.index(name) for name in ("weight", "length")]
    expected = np.bincount(product[np.isin(names, quantities)], minlength=len(rows))
    assert shown_B.tolist() == expected.tolist()
    assert expected.sum() < 2 * len(rows)
