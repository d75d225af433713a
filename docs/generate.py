"""Writes what follows from the code (`make docs`): pages of docs/, and JSON schemas for editors."""

from __future__ import annotations

import ast
import json
import os
import runpy
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent


_HELP = """
import contextlib, io, json, sys
from k3m_kg.cli.app import app
found = []
for command in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):
        app([*command, "--help"], prog_name="k3m-kg")
    found.append(said.getvalue().strip())
json.dump(found, sys.stdout)
"""


def help_of(commands: Sequence[tuple[str, ...]]) -> list[str]:
    """What `k3m-kg COMMAND --help` prints of each, on a terminal of 96 columns."""
    done = subprocess.run(
        [sys.executable, "-c", _HELP],
        env={**os.environ, "COLUMNS": "96", "TERMINAL_WIDTH": "96", "NO_COLOR": "1"},
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[str] = json.loads(done.stdout)
    return found


def commands() -> Iterator[tuple[str, ...]]:
    """Every command, those of a group after it."""
    from k3m_kg.cli.root import built_in_commands

    for name, command in built_in_commands().items():
        yield (name,)
        for inner in getattr(command, "commands", {}):
            yield (name, inner)


def cli_page() -> str:
    """docs/cli.md."""
    listed = list(commands())
    own, *helps = help_of([(), *listed])
    parts = [
        "# Commands",
        "",
        "Written by `make docs` from `--help`; a test keeps it current. Exit code 0: done, 1: the "
        "work failed, 2: the request was wrong. With `--json`, one JSON document on standard "
        "output and nothing else there. Set `K3M_KG_TRACEBACK=1` to see where an error came from.",
        "",
        "```text",
        own,
        "```",
    ]
    for command, said in zip(listed, helps, strict=True):
        parts += ["", f"## k3m-kg {' '.join(command)}", "", "```text", said, "```"]
    return "\n".join(parts) + "\n"


def _table(cls: type) -> list[str]:
    from k3m_kg.cli.describe import setting_rows

    rows = ["| setting | type | default | meaning |", "|---|---|---|---|"]
    for row in setting_rows(cls):
        default = "required" if row.default is None else f"`{row.default}`"
        meaning = row.meaning.replace("|", "\\|")
        rows.append(f"| `{row.name}` | {row.type} | {default} | {meaning} |")
    return rows


def config_page() -> str:
    """docs/config.md."""
    from k3m_kg.config import RunConfig
    from k3m_kg.kge.settings import KgeConfig
    from k3m_kg.plugin.registry import load_registry
    from k3m_kg.readers.mapping import Mapping

    parts = [
        "# Settings",
        "",
        "Written by `make docs` from the settings classes; a test keeps it current. Unknown keys "
        "are errors that name the nearest known one. A config is data: nothing in it is executed.",
        "",
        "## The run config: `k3m-kg pretrain CONFIG`",
        "",
        "A dotted name is a nested key, on the command line `--set model.hidden=96`. A plugin is "
        "written as its name, `fusion: mean`, or with its settings, `fusion: {name: hard-spl, "
        "temperature: 0.5}`; a task may have a `weight` too, and `--set tasks.lpm.weight=2` finds "
        "it by name.",
        "",
        *_table(RunConfig),
        "",
        "## The embedding config: `k3m-kg kge train CONFIG`",
        "",
        "Its `model` is any link scorer below, its `loss` any link loss, its `negatives.sampler` "
        "any negative sampler. [kge.md](kge.md) shows configs that work.",
        "",
        *_table(KgeConfig),
        "",
        "## The mapping file: `k3m-kg ingest --mapping FILE`",
        "",
        *_table(Mapping),
    ]
    for item in load_registry().installed():
        config = getattr(item.record, "config", None)
        if item.package != "k3m-kg" or config is None:
            continue
        parts += ["", f"## {item.record.kind} `{item.record.name}`", "", f"{item.record.summary}."]
        parts += ["", *_table(config)] if config.model_fields else ["", "No settings."]
    return "\n".join(parts) + "\n"


def _schema(cls: type, title: str) -> str:
    found = cls.model_json_schema()  # type: ignore[attr-defined]
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps({"$schema": dialect, **found, "title": title}, indent=2) + "\n"


def run_config_schema() -> str:
    """schemas/run-config.schema.json."""
    from k3m_kg.config import RunConfig

    return _schema(RunConfig, "k3m-kg run config")


def mapping_schema() -> str:
    """schemas/mapping.schema.json."""
    from k3m_kg.readers.mapping import Mapping

    return _schema(Mapping, "k3m-kg mapping file")


VARIABLES = {
    "K3M_KG_DB": "The database URL where `--db` does not say one.",
    "K3M_KG_PLUGINS": "Names the packages whose plugins load, comma-separated; empty: none but the "
    "built-in ones.",
    "K3M_KG_TRACE_PLUGINS": "`1` tells each plugin module that is loaded and each hook that is "
    "called on standard error, with the time it took.",
    "K3M_KG_TRACEBACK": "`1` shows where an error came from, and warnings of libraries.",
    "K3M_KG_TOKENS": "The tokens that `k3m-kg serve` asks for, with blanks between.",
    "K3M_KG_MEMORY": "The memory that a worker may take where `--memory` does not say it.",
}
"""What the environment says; a test holds it to what the code reads."""


def error_classes() -> list[tuple[str, int, str]]:
    """Name, exit code and meaning of every error that users may see, the base first.

    Read from the code without running it: importing all of it takes longer than all else here.
    """
    classes: dict[str, ast.ClassDef] = {}
    for path in sorted((ROOT / "k3m_kg").rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                classes[node.name] = node
    codes, waiting = {"K3MError": 1}, ["K3MError"]
    while waiting:
        base = waiting.pop()
        for name, node in classes.items():
            if name not in codes and base in {ast.unparse(item) for item in node.bases}:
                codes[name] = _exit_code(node, codes[base])
                waiting.append(name)
    rest = sorted(codes.keys() - {"K3MError"})
    return [(name, codes[name], _first(classes[name])) for name in ["K3MError", *rest]]


def _exit_code(node: ast.ClassDef, inherited: int) -> int:
    for item in node.body:
        if isinstance(item, ast.Assign) and ast.unparse(item.targets[0]) == "exit_code":
            return int(ast.literal_eval(item.value))
    return inherited


def _first(node: ast.ClassDef) -> str:
    return " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())


def errors_page() -> str:
    """docs/reference/errors.md."""
    parts = [
        "# Errors and variables",
        "",
        "Written by `make docs` from the code. An error says what happened, where, and what to do; "
        "the exit code is 1 where the work failed and 2 where the request was wrong. Whatever is "
        "no such error is a bug of ours: exit code 3, and a file with the traceback.",
        "",
        "## Errors",
        "",
        "In Python all of them are caught as `k3m_kg.api.K3MError`.",
        "",
        "| class | exit code | when |",
        "|---|---|---|",
        *(f"| `{name}` | {code} | {when} |" for name, code, when in error_classes()),
    ]
    parts += ["", "## Environment variables", "", "| variable | meaning |", "|---|---|"]
    parts += [f"| `{name}` | {meaning} |" for name, meaning in VARIABLES.items()]
    return "\n".join(parts) + "\n"


def vocabulary_page() -> str:
    """docs/reference/vocabulary.md."""
    from rdflib import OWL, RDF, RDFS, Graph, URIRef

    from k3m_kg import vocabulary

    graph = Graph().parse(ROOT / "schemas" / "k3m.ttl")
    parts = [
        "# RDF vocabulary",
        "",
        "Written by `make docs` from [schemas/k3m.ttl](../../schemas/k3m.ttl). How the graph is "
        "written with it: [The graph as RDF](../rdf.md).",
        "",
        "| prefix | namespace |",
        "|---|---|",
        *(f"| `{name}` | `{iri}` |" for name, iri in vocabulary.QUERY_PREFIXES.items()),
        "",
        "A query of `k3m-kg sparql` need not declare them. Products, properties and values are "
        "their text behind `product:`, `property:` and `value:`, percent-encoded: "
        "`property:Frame%20Size`.",
        "",
        "| term | kind | meaning |",
        "|---|---|---|",
    ]
    for term in sorted(set(graph.subjects(RDF.type, None)), key=str):
        if not isinstance(term, URIRef) or not term.startswith(vocabulary.K3M):
            continue
        if graph.value(term, RDF.type) == OWL.Ontology:
            continue
        kinds = sorted({str(kind).rpartition("#")[2] for kind in graph.objects(term, RDF.type)})
        said = graph.value(term, RDFS.comment) or graph.value(term, RDFS.label) or ""
        name = f"k3m:{term.removeprefix(vocabulary.K3M)}"
        parts.append(f"| `{name}` | {', '.join(kinds)} | {' '.join(str(said).split())} |")
    return "\n".join(parts) + "\n"


def api_page() -> str:
    """docs/reference/api.md."""
    page = runpy.run_path(str(Path(__file__).with_name("front_door.py")))["front_door_page"]()
    assert isinstance(page, str)
    return page


def http_api_page() -> str:
    """docs/reference/http-api.md."""
    from fastapi import FastAPI

    from k3m_kg.serve import api, explore, review
    from k3m_kg.serve.api.described import operations

    app = FastAPI(title="k3m-kg")
    for router in (*explore.ROUTERS, *review.ROUTERS, *api.ROUTERS):
        app.include_router(router)
    parts = [
        "# HTTP API",
        "",
        "Written by `make docs` from the code: what [`k3m-kg serve`](../serve.md#over-http) "
        "answers to programs, as JSON. A running server describes it whole at "
        "`/api/v1/openapi.json`, and lists it for people at `/api`. `?` marks what may be left "
        "out; fields of a body are sent as one JSON object.",
    ]
    for name, found in sorted(operations(app.openapi()).items()):
        parts += ["", f"## {name}", "", "| request | takes | does |", "|---|---|---|"]
        for one in found:
            takes = ", ".join(f"`{text}`" for text in (*one.parameters, *one.body)) or "nothing"
            said = " ".join(one.said.split()).replace("|", "\\|")
            parts.append(f"| `{one.method} {one.path}` | {takes} | {said} |")
    return "\n".join(parts) + "\n"


FILES = {
    "docs/cli.md": cli_page,
    "docs/config.md": config_page,
    "docs/reference/api.md": api_page,
    "docs/reference/errors.md": errors_page,
    "docs/reference/vocabulary.md": vocabulary_page,
    "docs/reference/http-api.md": http_api_page,
    "schemas/run-config.schema.json": run_config_schema,
    "schemas/mapping.schema.json": mapping_schema,
}


if __name__ == "__main__":
    for name, page in FILES.items():
        (ROOT / name).write_text(page(), encoding="utf-8")
        print(f"wrote {name}")
