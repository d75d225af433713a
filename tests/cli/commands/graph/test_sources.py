"""Several files about the same products, as a user meets them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from k3m_kg.cli.console import visible_line

Command = Callable[..., tuple[int, str, str]]
NAMES = "sku,name,brand\nA1,Mug,Acme\nA2,Cup,Acme\n"
ATTRIBUTES = "sku,colour,material\nA1,red,clay\nA2,blue,glass\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("K3M_KG_DB", raising=False)
    (tmp_path / "products.csv").write_text(NAMES)
    (tmp_path / "products.yaml").write_text("id: sku\ntitle: name\n")
    (tmp_path / "attributes.csv").write_text(ATTRIBUTES)
    (tmp_path / "attributes.yaml").write_text("id: sku\n")
    return tmp_path


def graph(run: Command) -> dict[str, set[tuple[str, str]]]:
    """What the graph says of each product, by the last part of the predicate."""
    _, lines, _ = run("export", "-", "--format", "nt")
    found: dict[str, set[tuple[str, str]]] = {}
    for line in lines.splitlines():
        subject, predicate, value = line.rstrip(" .").split(" ", 2)
        if "/product/" in subject and value.startswith('"'):
            name = predicate.rstrip(">").replace("#", "/").rsplit("/", 1)[1]
            found.setdefault(subject.rstrip(">").rsplit("/", 1)[1], set()).add(
                (name, value.strip('"'))
            )
    return found


def ingest(run: Command, name: str, *options: str) -> dict[str, Any]:
    done, out, _ = run("ingest", f"{name}.csv", "--mapping", f"{name}.yaml", "--json", *options)
    assert done == 0
    return dict(json.loads(out))


def test_two_files_about_the_same_products(run: Command, folder: Path) -> None:
    ingest(run, "products")
    ingest(run, "attributes")
    a1 = {("id", "A1"), ("name", "Mug"), ("brand", "Acme"), ("colour", "red"), ("material", "clay")}
    assert graph(run)["A1"] == a1
    for name in ("products", "attributes", "products"):
        assert ingest(run, name)["sources"][0]["unchanged"]

    (folder / "attributes.csv").write_text("sku,colour,material\nA1,red,clay\n")
    rehearsed = ingest(run, "attributes", "--dry-run")
    (change,) = rehearsed["sources"][0]["changes"]
    assert (change["name"], change["change"]) == ("A2", "updated")
    _, said, _ = run("ingest", "attributes.csv", "--mapping", "attributes.yaml")
    assert "1 products were left to the other sources that state them" in said
    assert graph(run) == {"A1": a1, "A2": {("id", "A2"), ("name", "Cup"), ("brand", "Acme")}}


def test_the_order_and_the_end_of_sources(run: Command, folder: Path) -> None:
    ingest(run, "products")
    (folder / "attributes.csv").write_text("sku,name,material\nA1,Becher,clay\n")
    (folder / "attributes.yaml").write_text("id: sku\ntitle: name\n")
    ingest(run, "attributes", "--source", "supplier")
    assert ("name", "Mug") in graph(run)["A1"]
    _, listed, _ = run("sources")
    name = visible_line(str(folder / "products.csv"), end=True)
    assert listed.splitlines() == [
        f"  1  {name}: 2 products, 1 of them stated by others too; run 1",
        "  2  supplier: 1 products, 1 of them stated by others too; run 2",
    ]
    _, listed, _ = run("sources", "supplier", "products.csv", "--json")
    found = json.loads(listed)
    assert found["products_changed"] == 1
    assert found["sources"][0]["name"] == "supplier"
    assert ("name", "Becher") in graph(run)["A1"]
    code, said, _ = run("sources", "--end", "products.csv")
    assert code == 0
    assert "1 products removed, 1 left to other sources" in said
    assert graph(run) == {"A1": {("id", "A1"), ("name", "Becher"), ("material", "clay")}}
    assert run("undo", "3")[0] == 0
    assert set(graph(run)) == {"A1", "A2"}
    code, _, errors = run("sources", "suplier")
    assert (code, "supplier" in errors) == (1, True)
    assert run("sources", "supplier", "--end", "supplier")[0] == 2


def test_a_file_with_another_name_replaces_the_one_of_the_same_source(
    run: Command, folder: Path
) -> None:
    ingest(run, "products", "--source", "shop")
    (folder / "later.csv").write_text("sku,name,brand\nA1,Mug,Acme\n")
    (folder / "later.yaml").write_text("id: sku\ntitle: name\n")
    counts = ingest(run, "later", "--source", "shop")
    assert (counts["products_removed"], counts["products_unchanged"]) == (1, 1)
    code, _, errors = run("ingest", "products.csv", "later.csv", "--source", "shop")
    assert (code, "several sources" in errors) == (2, True)
    assert run("ingest", "products.csv", "--source", " ")[0] == 2


def test_contradictions_are_shown(run: Command, folder: Path) -> None:
    ingest(run, "products")
    (folder / "attributes.csv").write_text("sku,brand\nA1,Emca\nA2,Acme\n")
    ingest(run, "attributes")
    found = json.loads(run("status", "--json")[1])["contradictions"]
    assert (found["products"], found["by_property"]) == (1, {"brand": 1})
    assert "Emca (attributes.csv)" in run("status")[1]
    code, said, _ = run("validate")
    assert code == 0
    assert "1 products of which sources contradict each other" in said
    assert f"'Emca' says {visible_line(str(folder / 'attributes.csv'), end=True)}" in said
    found = json.loads(run("validate", "--json")[1])["contradictions"]
    (one,) = found["listed"]
    assert (one["product"], [value for _, value in one["values"]]) == ("A1", ["Acme", "Emca"])


def test_a_rejected_row_keeps_the_last_good_version_and_says_so(run: Command, folder: Path) -> None:
    ingest(run, "products")
    (folder / "products.csv").write_text("sku,name,brand\nA1,Mug,Acme,more\nA2,Cup,Emca\n")
    _, said, _ = run("ingest", "products.csv", "--mapping", "products.yaml")
    assert "1 rows rejected" in said
    assert "1 products of rejected rows were kept as this source stated them before" in said
    assert graph(run)["A1"] == {("id", "A1"), ("name", "Mug"), ("brand", "Acme")}
    (line,) = (folder / "products.csv.quarantine.jsonl").read_text().splitlines()
    assert json.loads(line)["product"] == "A1"
