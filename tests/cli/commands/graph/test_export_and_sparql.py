"""`k3m-kg export` and `k3m-kg sparql`, as a user meets them."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyoxigraph as ox
import pytest

from k3m_kg.graph.store import GraphStore
from k3m_kg.records import ProductRecord
from tests.cli.conftest import Command
from tests.rdf.conftest import CATALOG, state

COUNT = "SELECT ?p (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?p ORDER BY DESC(?n) ?p"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own, with a graph in `k3m-kg.db`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("K3M_KG_DB", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with GraphStore.create("sqlite:///k3m-kg.db")[0] as store:
        state(store, CATALOG)
    return tmp_path


def test_export_says_what_it_wrote(run: Command, folder: Path) -> None:
    code, out, err = run("export", "graph.nt")
    assert (code, err) == (0, "")
    lines = len((folder / "graph.nt").read_text().splitlines())
    assert f"3 products, {lines} triples" in out
    code, out, _ = run("export", "graph.ttl.gz", "--json")
    report = json.loads(out)
    assert (report["format"], report["products"], report["triples"]) == ("ttl", 3, lines)
    assert report["bytes"] == (folder / "graph.ttl.gz").stat().st_size


def test_export_of_what_people_decided(run: Command, folder: Path) -> None:
    code, _, err = run("export", "decisions.nt", "--decisions")
    assert code == 0
    assert "0 decisions, 0 triples" in err
    assert (folder / "decisions.nt").read_text() == ""
    for options in (("decisions.ttl",), ("d.nt", "--as", "csv"), ("d.csv", "--spreadsheet")):
        code, _, err = run("export", *options, "--decisions")
        assert code == 2
        assert "N-Triples" in err


def test_export_to_standard_output(run: Command) -> None:
    program = "from k3m_kg.cli.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "export", "-", "--format", "nt"],
        capture_output=True,
        check=True,
    )
    run("export", "graph.nt")
    assert done.stdout == Path("graph.nt").read_bytes()
    assert b"3 products" in done.stderr


def test_changes_go_back_as_the_file_of_their_software(run: Command) -> None:
    db = ("--db", "sqlite:///shop.db")
    header = "Handle,Title,Variant SKU,Option1 Name,Option1 Value,Vendor\n"
    Path("shop.csv").write_text(header + "mug,Mug,M-1,Title,Default Title,Acme\n")
    assert run("ingest", "shop.csv", *db)[0] == 0
    Path("more.csv").write_text("sku,colour,Vendor\nmug,red,Acme\nother,blue,Acme\n")
    Path("more.yaml").write_text("id: sku\n")
    assert run("ingest", "more.csv", "--mapping", "more.yaml", *db)[0] == 0
    words = ("export", "back.csv", "--as", "shopify", "--changes-since", "1", *db)
    code, out, err = run(*words)
    assert code == 0
    assert err.startswith("1 of the products that changed have no row: this source does not state")
    assert "1 rows, 1 of them changed, of 2 products that changed since run 1" in out
    assert Path("back.csv").read_text() == (
        "Handle,Title,colour (product.metafields.custom.colour)\nmug,Mug,red\n"
    )
    report = json.loads(run(*words, "--json")[1])
    assert (report["rows"], report["unwritten"], report["removed"]) == (1, [], [])
    assert report["columns"] == ["colour (product.metafields.custom.colour)"]
    program = "from k3m_kg.cli.app import main; main()"
    command = [sys.executable, "-c", program, "export", "-", *words[2:]]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout == Path("back.csv").read_bytes()
    before = Path("shop.csv").read_bytes()
    for wrong, message in (
        (("export", "shop.csv", *words[2:]), "this is the source, which is read"),
        (("export", "more.csv", *words[2:]), "this is a source of this graph"),
        (("export", "b.csv", "--as", "shop", "--changes-since", "1", *db), "unknown format 'shop'"),
        (("export", "b.csv", "--as", "shopify", *db), "`k3m-kg diff --runs` lists the runs"),
        (("export", "b.jsonl.gz", "--as", "shopify", "--changes-since", "1", *db), "name it b.csv"),
        (("export", "b.csv", "--as", "json", "--changes-since", "1", *db), "came as shopify: --as"),
        (("export", "b.csv", "--changes-since", "1", *db), "goes with --as"),
        (("export", "b.csv", "--as", "akeneo", "--changes-since", "1", *db), "no source of this"),
        (("export", "b.csv", "--as", "csv", "--changes-since", "1", *db), "--mapping names"),
    ):
        code, _, err = run(*wrong)
        assert (code, message in err) == (2, True), (wrong, err)
        assert "Traceback" not in err
    assert Path("shop.csv").read_bytes() == before
    assert not Path("b.csv").exists()
    code, _, err = run("export", "b.csv", "--as", "shopify", "--changes-since", "9", *db)
    assert (code, "there is no run 9" in err) == (1, True)
    Path("shop.csv").unlink()
    code, _, err = run(*words)
    assert (code, "goes by the source that it came from" in err) == (1, True)


def test_export_of_tables(run: Command) -> None:
    assert run("export", "tables", "--format", "csv")[0] == 0
    with Path("tables/products.csv").open(newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == ["1", "a/b c?", ".."]
    assert json.loads(run("export", "t.parquet", "--json")[1])["triples"] == 10


def test_an_empty_graph_is_exported_and_queried(run: Command) -> None:
    run("init", "--db", "sqlite:///empty.db")
    for out in ("e.nt", "e.ttl", "e.rdf", "e.jsonld", "e.parquet", "e.csv"):
        code, printed, _ = run("export", out, "--db", "sqlite:///empty.db", "--json")
        assert (code, json.loads(printed)["triples"]) == (0, 0), out
    assert (
        list(ox.parse(path="e.rdf"))
        == list(ox.parse(Path("e.jsonld").read_bytes(), ox.RdfFormat.JSON_LD))
        == []
    )
    code, printed, _ = run("sparql", COUNT, "--db", "sqlite:///empty.db", "--format", "csv")
    assert (code, printed) == (0, "p,n\r\n")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["export", "graph"], 2, "does not say which format"),
        (["export", "graph.nt", "--format", "turtle"], 2, "unknown format 'turtle'"),
        (["export", "graph.parquet.gz"], 2, "folder of three files"),
        (["export", "-", "--format", "csv"], 2, "folder of three files"),
        (["export", "-", "--format", "nt", "--json"], 2, "both want standard output"),
        (["export", "-"], 2, "does not say which format"),
        (["export", "none/graph.nt"], 1, "none/graph.nt: cannot be written"),
        (["export", "none/graph.csv"], 1, "cannot be written"),
        (["export", ".", "--format", "nt"], 2, "is a folder"),
        (["export", ".", "--format", "csv"], 2, "holds other things"),
        (["export", "k3m-kg.db", "--format", "csv"], 2, "this is the database"),
        (["export", "graph.nt", "--db", "sqlite:///none.db"], 1, "no such database"),
        (["export"], 2, "OUT"),
        (["sparql"], 2, "either a query or --file"),
        (["sparql", "ASK {}", "--file", "q.rq"], 2, "either a query or --file"),
        (["sparql", "--file", "none.rq"], 2, "none.rq: the query cannot be read"),
        (["sparql", "--file", "k3m-kg.db"], 2, "no UTF-8"),
        (["sparql", "ASK {}", "--format", "xml"], 2, "unknown format 'xml'"),
        (["sparql", "ASK {}", "--db", "sqlite:///none.db"], 1, "no such database"),
        (["sparql", "ASK {}", "--timeout", "0"], 2, "timeout"),
        (["sparql", "ASK {}", "--limit", "-1"], 2, "limit"),
        (["sparql", "SELECT * WHERE {\n ?s ?p }"], 2, "query:2:9: no valid SPARQL"),
        (["sparql", ""], 2, "no valid SPARQL"),
        (["sparql", "SELECT * { ?s nope:p ?o }"], 2, "no valid SPARQL"),
        (["sparql", "PREFIX a: <b:> INSERT DATA { a:a a:b 1 }"], 2, "read-only for SPARQL"),
        (["sparql", "DELETE WHERE { ?s ?p ?o }"], 2, "DELETE is an update"),
        (["sparql", "drop all"], 2, "DROP is an update"),
        (
            ["sparql", "SELECT * { SERVICE <http://localhost/> { ?s ?p ?o } }"],
            2,
            "query:1:12: SERVICE",
        ),
        (["sparql", "SELECT * {\n service silent ?x { ?s ?p ?o } }"], 2, "query:2:2: SERVICE"),
        (["sparql", r"SELECT * { \u0053ERVICE <http://localhost/> {} }"], 2, "SERVICE"),
        # What one parser takes for an IRI, another takes for less-than and a comment.
        (["sparql", "SELECT * { FILTER(1<2)SERVICE#>\n<http://localhost/>{} }"], 2, "SERVICE"),
        (["sparql", "SELECT * { FILTER(1<2)SERVICESILENT<http://localhost/>{} }"], 2, "SERVICE"),
        (["sparql", "CONSTRUCT WHERE { ?s ?p ?o }", "--format", "csv"], 2, "a graph is no table"),
    ],
)
def test_wrong_input_is_one_clear_message(
    run: Command, arguments: list[str], code: int, message: str
) -> None:
    found, out, err = run(*arguments)
    assert (found, out) == (code, "")
    assert message in err
    assert "Traceback" not in err
    assert {path.name.removeprefix("k3m-kg.db") for path in Path().iterdir()} <= {
        "", "-shm", "-wal", ".sparql",
    }  # fmt: skip


def test_a_read_only_folder_is_one_clear_message(
    run: Command, read_only_folder: Callable[..., Path]
) -> None:
    folder = read_only_folder()
    (folder / "graph.nt").write_text("before")
    read_only_folder(sealed=True)
    for out in ("graph.nt", "graph.csv"):
        code, _, err = run("export", folder / out)
        assert code == 1
        assert "cannot be written" in err


def test_sparql_as_table_csv_and_json(run: Command) -> None:
    code, out, err = run("sparql", COUNT)
    assert (code, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["p", "n"]
    assert ["property:colour", "3"] in lines
    code, out, _ = run("sparql", COUNT, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert {"p": "https://schema.org/image", "n": "3"} in rows
    code, out, _ = run("sparql", COUNT, "--json")
    found = json.loads(out)
    assert found["head"]["vars"] == ["p", "n"]
    assert found["results"]["bindings"][0]["n"] == {
        "type": "literal",
        "value": "9",
        "datatype": "http://www.w3.org/2001/XMLSchema#integer",
    }
    assert run("sparql", COUNT, "--format", "json")[1] == out


def test_control_characters_do_not_reach_the_terminal(run: Command) -> None:
    out = run("sparql", "SELECT ('a\\u001B[31m\\nb' AS ?x) {}")[1]
    assert out.splitlines()[-1] == "a\\u001B[31m\\u000Ab"


def test_ask_construct_and_describe(run: Command) -> None:
    ask = "ASK { product:1 a schema:Product }"
    assert run("sparql", ask)[1] == "true\n"
    assert run("sparql", ask, "--format", "csv")[1] == "true\r\n"
    assert json.loads(run("sparql", ask, "--json")[1]) == {"head": {}, "boolean": True}
    for query in ("CONSTRUCT WHERE { product:1 ?p ?o }", "DESCRIBE product:1"):
        lines = run("sparql", query)[1]
        triples = {quad.triple for quad in ox.parse(lines, ox.RdfFormat.N_TRIPLES)}
        expanded = run("sparql", query, "--json")[1]
        again = {quad.triple for quad in ox.parse(expanded, ox.RdfFormat.JSON_LD)}
        names = {triple.predicate.value for triple in triples}
        assert {"https://schema.org/name", "https://k3m-kg.org/property/size%202"} <= names
        # DESCRIBE follows blank nodes: the list of three pictures.
        assert len(again) == len(triples) == (17 if query.startswith("DESCRIBE") else 11)


def test_a_query_from_a_file_and_from_standard_input(
    run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("q.rq").write_text("# a comment, 'DELETE'\nASK { ?s ?p 'INSERT or DELETE' }")
    assert run("sparql", "--file", "q.rq")[1] == "false\n"
    Path("bad.rq").write_text("SELECT *\nWHERE { ?s }")
    assert "bad.rq:2:" in run("sparql", "--file", "bad.rq")[2]
    monkeypatch.setattr(sys, "stdin", io.StringIO("ASK {}"))
    assert run("sparql", "--file", "-")[1] == "true\n"


def test_the_row_limit_says_so(run: Command) -> None:
    code, out, err = run("sparql", "SELECT * { ?s ?p ?o }", "--limit", "2", "--json")
    found = json.loads(out)
    assert (code, len(found["results"]["bindings"]), found["truncated"]) == (0, 2, True)
    assert "stopped after 2 rows" in err
    code, out, err = run("sparql", "CONSTRUCT WHERE { ?s ?p ?o }", "--limit", "2")
    assert len(out.splitlines()) == 2
    assert "stopped after 2" in err
    _, out, err = run("sparql", "SELECT * { ?s ?p ?o }", "--limit", "0", "--format", "csv")
    assert len(out.splitlines()) > 20
    assert err == ""


def test_a_query_that_takes_too_long_is_stopped(run: Command) -> None:
    run("sparql", "ASK {}")
    product = " ".join(f"?s{n} ?p{n} ?o{n} ." for n in range(12))
    query = f"SELECT (COUNT(*) AS ?n) {{ {product} }}"
    code, out, err = run("sparql", query, "--timeout", "0.5")
    assert (code, out) == (1, "")
    assert "took longer than 0.5 s and was stopped" in err


def test_a_changed_graph_is_seen(run: Command) -> None:
    count = "SELECT (COUNT(?p) AS ?n) { ?p a schema:Product }"
    assert run("sparql", count, "--format", "csv")[1] == "n\r\n3\r\n"
    with GraphStore.open("sqlite:///k3m-kg.db") as store:
        state(store, [ProductRecord("new", "t")])
    assert run("sparql", count, "--format", "csv")[1] == "n\r\n1\r\n"
    cuts = [path for path in Path("k3m-kg.db.sparql").iterdir() if path.is_dir()]
    assert len(cuts) == 1


@pytest.mark.parametrize(
    ("query", "said", "hint"),
    [
        (
            "SELECT * { ?p property:Frame Size ?v }",
            "near '?v }': expected one of",
            "property:Frame%20Size",
        ),
        ("SELECT * { ?s nope:p ?o }", "a prefix that is not declared", "property"),
        ("SELECT * { ?s <a b> ?o }", "an IRI that is none", "%20"),
        ("SELEC * {}", "near '}'", ""),
        ("", "a query was expected", ""),
    ],
)
def test_bad_syntax_is_said_without_the_grammar(
    run: Command, query: str, said: str, hint: str
) -> None:
    code, _, err = run("sparql", query)
    assert code == 2
    assert said in err
    assert hint in err
    assert "..=" not in err
    assert len(err) < 300


def test_bad_syntax_is_said_before_the_graph_is_cut(run: Command) -> None:
    assert run("sparql", "SELECT")[0] == 2
    assert not Path("k3m-kg.db.sparql").exists()


def test_sparql_works_on_a_read_only_folder(
    run: Command, read_only_folder: Callable[..., Path], folder: Path
) -> None:
    (read_only_folder() / "graph.db").write_bytes(Path("k3m-kg.db").read_bytes())
    read_only_folder(sealed=True)
    url = f"sqlite:///{read_only_folder()}/graph.db"
    code, out, err = run("sparql", COUNT, "--db", url, "--format", "csv")
    if code:  # SQLite itself refuses a database in WAL mode that it may not write beside
        assert "cannot be opened" in err or "read-only" in err
        return
    assert out == run("sparql", COUNT, "--format", "csv")[1]
    assert any((folder / "cache").rglob("*.sst"))


def test_an_export_never_overwrites_the_database(run: Command) -> None:
    code, _, err = run("export", "k3m-kg.db", "--format", "nt")
    assert code == 2
    assert "this is the database" in err
    assert run("status", "--counts")[0] == 0


def test_csv_for_a_spreadsheet_runs_nothing_and_without_it_is_exact(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("K3M_KG_DB", raising=False)
    one = ("--db", "sqlite:///one.db")
    line = '{"id": "-1+1", "title": "=cmd()", "size": "-5", "colour": "@red"}\n'
    Path("shop.jsonl").write_text(line)
    assert run("ingest", "shop.jsonl", *one)[0] == 0
    assert run("export", "safe", "--format", "csv", "--spreadsheet", *one)[0] == 0
    assert run("export", "exact", "--format", "csv", *one)[0] == 0
    text = Path("safe/triples.csv").read_text()
    for expected in ("'-1+1", "'=cmd()", "'@red", ",-5,"):
        assert expected in text
    assert run("ingest", "exact/triples.csv", "--db", "sqlite:///again.db")[0] == 0
    assert run("export", "back", "--format", "csv", "--db", "sqlite:///again.db")[0] == 0
    exact, back = (Path(name, "triples.csv").read_text() for name in ("exact", "back"))
    assert "'" not in exact
    assert sorted(back.splitlines()) == sorted(exact.splitlines())
    assert run("export", "x.nt", "--spreadsheet")[0] == 2


@pytest.mark.parametrize("format", ["csv", "nt"])
@pytest.mark.parametrize("out", ["nosuch/..", "nosuch/../."])
def test_an_export_never_replaces_the_current_folder(
    run: Command, folder: Path, out: str, format: str
) -> None:
    before = sorted(folder.iterdir())
    code, _, err = run("export", out, "--format", format)
    assert code == 2
    assert "No such file or directory" in err
    assert sorted(folder.iterdir()) == before
