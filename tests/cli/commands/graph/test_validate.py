"""`k3m-kg validate`, as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import rdflib

from k3m_kg.graph.store import GraphStore
from k3m_kg.records import ProductRecord
from tests.cli.conftest import Command
from tests.rdf.conftest import state
from tests.rdf.test_validate import MESSY


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own, with a messy graph in `k3m-kg.db`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("K3M_KG_DB", raising=False)
    with GraphStore.create("sqlite:///k3m-kg.db")[0] as store:
        state(store, MESSY)
    return tmp_path


def test_violations_are_listed_by_product_and_fail(run: Command) -> None:
    code, out, err = run("validate")
    assert (code, err) == (1, "")
    assert "5 products checked: 5 violations, 8 warnings" in out
    assert "        1  violation: the product has neither title nor picture" in out
    assert "        8  warning: the value is a placeholder" in out
    assert "product bare\n  violation: the product has neither title nor picture\n" in out
    assert "  warning: the value is a placeholder (colour 'n/a')\n" in out


def test_as_json(run: Command) -> None:
    code, out, _ = run("validate", "--json")
    found = json.loads(out)
    assert code == 1
    assert {
        "conforms": False, "products_checked": 5, "violations": 5, "warnings": 8, "infos": 0,
    }.items() <= found.items()  # fmt: skip
    assert [item["product"] for item in found["products"]] == ["bare", "blank"]
    assert found["products"][0]["results"][0] == {
        "severity": "violation",
        "message": "the product has neither title nor picture",
        "path": None,
        "value": None,
    }
    assert [(item["kind"], item["name"]) for item in found["others"]] == [
        ("property", " "),
        ("value", "red"),
    ]
    assert run("validate", "--format", "json")[1] == out


def test_as_shacl_report(run: Command) -> None:
    code, out, _ = run("validate", "--format", "shacl")
    assert code == 1
    assert "a sh:ValidationReport" in out
    assert len(rdflib.Graph().parse(data=out, format="turtle")) > 50


def test_warnings_alone_do_not_fail(run: Command) -> None:
    with GraphStore.open("sqlite:///k3m-kg.db") as store:
        state(store, [ProductRecord("1", "t", properties=(("colour", "n/a"),))])
    code, out, _ = run("validate")
    assert code == 0
    assert "1 products checked: 1 warnings" in out


def test_nothing_found_and_an_empty_graph(run: Command) -> None:
    run("init", "--db", "sqlite:///empty.db")
    code, out, _ = run("validate", "--db", "sqlite:///empty.db")
    assert (code, out) == (0, "0 products checked: nothing found\n")
    code, out, _ = run("validate", "--db", "sqlite:///empty.db", "--json")
    assert (code, json.loads(out)["conforms"]) == (0, True)


def test_shapes_of_ones_own(run: Command) -> None:
    Path("own.ttl").write_text(
        "@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix schema: <https://schema.org/> .\n"
        "[] a sh:NodeShape ; sh:targetClass schema:Product ; sh:property "
        "[ sh:path schema:image ; sh:minCount 1 ; sh:message 'no picture' ] .\n"
    )
    code, out, _ = run("validate", "--shapes", "own.ttl", "--batch", "2")
    assert code == 1
    assert "3  violation: no picture" in out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--db", "sqlite:///none.db"], 1, "no such database"),
        (["--shapes", "none.ttl"], 2, "none.ttl: cannot be read: No such file"),
        (["--shapes", "."], 2, "cannot be read"),
        (["--shapes", "k3m-kg.db"], 2, "is no valid Turtle"),
        (["--format", "xml"], 2, "unknown format 'xml'"),
        (["--batch", "-1"], 2, "batch"),
    ],
)
def test_wrong_input_is_one_clear_message(
    run: Command, arguments: list[str], code: int, message: str
) -> None:
    found, out, err = run("validate", *arguments)
    assert (found, out) == (code, "")
    assert message in err
    assert "Traceback" not in err
