"""Inputs made to take stack, memory or time, from the command line: one message, nothing kept."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from k3m_kg.graph.store import GraphStore
from k3m_kg.records import ProductRecord
from tests.cli.conftest import Command
from tests.rdf.conftest import state

enforced = pytest.mark.skipif(
    sys.platform != "linux", reason="the kernel enforces no limit of memory here"
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own, the current one."""
    monkeypatch.chdir(tmp_path)
    for name in ("K3M_KG_DB", "K3M_KG_MEMORY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def json_ld(depth: int) -> str:
    return '{"@id":"http://x/product/1","http://x/p":' * depth + '"v"' + "}" * depth


def json_ld_lists(depth: int) -> str:
    return (
        '{"@id":"http://x/product/1","http://x/p":'
        + '{"@list":[' * depth
        + '"v"'
        + "]}" * depth
        + "}"
    )


def rdf_xml(depth: int) -> str:
    head = '<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:x="http://x/">'
    pairs = depth // 2
    return head + "<x:T><x:p>" * pairs + "v" + "</x:p></x:T>" * pairs + "</r:RDF>"


def turtle(size: int) -> str:
    return f'<http://x/product/1> <http://x/p> "{"v" * size}" .'


@pytest.mark.parametrize(
    ("name", "make", "size", "message"),
    [
        ("a.jsonld", json_ld, 5_000, "nested more than 256 deep"),
        ("a.jsonld", json_ld, 100_000, "nested more than 256 deep"),
        ("a.jsonld", json_ld_lists, 5_000, "nested more than 256 deep"),
        ("a.rdf", rdf_xml, 16_000, "nested more than 256 deep"),
        ("a.ttl", turtle, (16 << 20) + 1, "a text in it is longer than 16 MiB"),
    ],
)
def test_rdf_beyond_the_bounds(
    run: Command, name: str, make: Callable[[int], str], size: int, message: str
) -> None:
    Path(name).write_text(make(size))
    code, out, err = run("ingest", name)
    assert (code, out) == (1, "")
    assert message in err
    assert "hint: " in err
    assert not Path("k3m-kg.db").exists()


@pytest.mark.parametrize("made", [json_ld, rdf_xml])
def test_the_depth_is_a_setting(run: Command, made: Callable[[int], str]) -> None:
    path = Path("a.jsonld" if made is json_ld else "a.rdf")
    path.write_text(made(300))
    assert "nested more than 256 deep" in run("ingest", path)[2]
    settings = ("--format", "rdf", "--set", "max_depth=400")
    assert "nested more than" not in run("ingest", path, *settings)[2]
    path.write_text(made(20))
    assert "nested more than 10 deep" in run("ingest", path, "--set", "max_depth=10")[2]
    for wrong in ("0", "1001", "deep"):
        code, _, err = run("ingest", path, "--set", f"max_depth={wrong}")
        assert (code, "max_depth" in err) == (2, True)


@enforced
def test_an_ingest_has_the_memory_that_it_is_given(
    run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A product of 90 texts of a million characters, which no bound of the reader refuses."""
    text = "v" * 1_000_000
    lines = (f'<http://x/product/1> <http://x/p{n}> "{n}{text}" .\n' for n in range(90))
    Path("b.nt").write_text("".join(lines))
    code, _, err = run("ingest", "b.nt", "--memory", "128MiB")
    assert code == 1
    assert "b.nt: the process that read it needed more than 128 MiB of memory" in err
    assert "nothing of it was kept" in err
    assert "hint: raise --memory" in err
    assert not Path("k3m-kg.db").exists()
    monkeypatch.setenv("K3M_KG_MEMORY", "128MiB")
    assert "128 MiB" in run("ingest", "b.nt")[2]
    Path("a.ttl").write_text(turtle(10))
    assert run("ingest", "a.ttl", "--memory", "256MiB")[0] == 0


@pytest.mark.parametrize("memory", ["1", "127MiB", "inf", "-4GiB", "lots", "4000TiB", "1e9"])
def test_a_memory_that_is_none_is_wrong_use(run: Command, memory: str) -> None:
    Path("a.ttl").write_text(turtle(1))
    code, _, err = run("ingest", "a.ttl", f"--memory={memory}")
    assert code == 2
    assert "--memory" in err


@pytest.fixture
def graph(folder: Path) -> Path:
    with GraphStore.create("sqlite:///k3m-kg.db")[0] as store:
        products = [
            ProductRecord(f"P{n}", f"title {n}", properties=(("colour", f"c{n}"),))
            for n in range(300)
        ]
        state(store, products)
    return folder


@pytest.mark.parametrize("command", ["sparql", "validate"])
@pytest.mark.parametrize("timeout", ["inf", "nan", "1e300", "-1", "0", "soon"])
def test_a_timeout_that_is_none_is_wrong_use(
    run: Command, graph: Path, command: str, timeout: str
) -> None:
    words = (command, "ASK {}") if command == "sparql" else (command,)
    code, out, err = run(*words, f"--timeout={timeout}")
    assert (code, out) == (2, "")
    assert "--timeout" in err


def test_a_cell_has_a_bound(run: Command, graph: Path) -> None:
    query = 'SELECT (REPLACE("xxxxxxxxxxxxxxxxxxxx", "x", "0123456789") AS ?t) {}'
    code, out, err = run("sparql", query, "--max-cell", "199")
    assert (code, out) == (1, "")
    assert "raise --max-cell" in err
    code, out, _ = run("sparql", query, "--max-cell", "200", "--format", "json")
    assert (code, len(json.loads(out)["results"]["bindings"][0]["t"]["value"])) == (0, 200)


@enforced
def test_shapes_that_ask_for_all_of_all(run: Command, graph: Path) -> None:
    Path("shapes.ttl").write_text(
        '''
        @prefix sh: <http://www.w3.org/ns/shacl#> .
        @prefix schema: <https://schema.org/> .
        [] a sh:NodeShape ; sh:targetClass schema:Product ;
          sh:sparql [ sh:message "all" ; sh:select
            """
            SELECT DISTINCT $this ?a ?b ?c ?d ?e ?f ?g
            WHERE { ?a ?p1 ?b . ?c ?p2 ?d . ?e ?p3 ?f . ?h ?p4 ?g } ORDER BY ?f ?a
            """ ] .
        '''
    )
    words = ("--shapes", "shapes.ttl", "--memory", "512MiB", "--timeout", "5")
    code, out, err = run("validate", *words)
    assert (code, out) == (1, "")
    assert "of memory and was stopped" in err or "took longer than 5 s and was stopped" in err
    assert "hint: simplify the shapes" in err


@enforced
@pytest.mark.parametrize("memory", [320_000, 550_000])
def test_a_machine_that_is_too_small_for_sparql_is_one_message(graph: Path, memory: int) -> None:
    """Oxigraph's store on disk ends its process where it gets no memory or thread."""
    code = "from k3m_kg.cli.app import main; main()"
    words = (sys.executable, "-c", code, "sparql", "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }")
    done = subprocess.run(
        ["bash", "-c", f'ulimit -v {memory}; exec "$@"', "-", *words],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        assert (done.returncode, done.stdout) == (1, ""), done.stderr
        assert re.match("error: .* no more (memory|threads)\n  hint: .*\n$", done.stderr), (
            done.stderr
        )
    assert not [path for path in graph.glob("*.sparql/*") if path.is_dir()] or not done.returncode
