"""The built-in commands as plugin records: a module is imported when its command is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from k3m_kg.plugin.hookspecs import CommandPlugin, hookimpl


def _in(module: str, name: str | None = None) -> Callable[[], Any]:
    """The function `name`, by default called as its module, or the typer application `app`."""

    def load() -> Any:
        found = importlib.import_module(f"k3m_kg.cli.commands.{module}")
        return getattr(found, name or module.rpartition(".")[2])

    return load


_K3M = ("torch",)

COMMANDS = [
    CommandPlugin("init", "Create the database, or find that it is there.", _in("graph.init")),
    CommandPlugin("migrate", "Upgrade the database, keeping its content.", _in("graph.migrate")),
    CommandPlugin("ingest", "Bring catalog files into the graph.", _in("graph.ingest")),
    CommandPlugin(
        "sources", "Who says what is in the graph, and in which order.", _in("graph.sources")
    ),
    CommandPlugin(
        "status", "Count what is in the graph, and what is missing.", _in("graph.status")
    ),
    CommandPlugin("diff", "Show what a run changed, product by product.", _in("graph.diff")),
    CommandPlugin("undo", "Take a run back, as if it had never been.", _in("graph.undo")),
    CommandPlugin("validate", "Validate the graph with SHACL shapes.", _in("graph.validate")),
    CommandPlugin("export", "Write the whole graph as RDF or as tables.", _in("graph.export")),
    CommandPlugin("sparql", "Run a SPARQL 1.1 query over the graph.", _in("graph.sparql")),
    CommandPlugin(
        "snapshot", "Cut the graph into an immutable snapshot.", _in("training.snapshot", "app")
    ),
    CommandPlugin(
        "pretrain", "Train a model on a snapshot.", _in("training.pretrain"), requires=_K3M
    ),
    CommandPlugin(
        "profile", "Show where the time of a training goes.", _in("training.profile"), requires=_K3M
    ),
    CommandPlugin(
        "evaluate",
        "Measure an artifact by a downstream task.",
        _in("evaluation.evaluate"),
        requires=_K3M,
    ),
    CommandPlugin(
        "report",
        "Write a page: what a model is worth, and shown at work.",
        _in("evaluation.report"),
        requires=(*_K3M, "sklearn", "matplotlib"),
    ),
    CommandPlugin(
        "robustness",
        "Ask K3M and its baselines while data goes missing or wrong.",
        _in("evaluation.robustness"),
        requires=(*_K3M, "sklearn", "matplotlib"),
    ),
    CommandPlugin("embed", "Write the vector of every product.", _in("use.embed"), requires=_K3M),
    CommandPlugin(
        "search",
        "Find products by words, a picture, or another product.",
        _in("use.search"),
        requires=_K3M,
    ),
    CommandPlugin(
        "match",
        "Find products that are the same one.",
        _in("use.match"),
        requires=(*_K3M, "sklearn"),
    ),
    CommandPlugin(
        "complete", "Propose the values that products lack.", _in("use.complete"), requires=_K3M
    ),
    CommandPlugin(
        "classify",
        "Propose the category of products that lack one.",
        _in("use.classify"),
        requires=(*_K3M, "sklearn"),
    ),
    CommandPlugin(
        "audit", "Find what does not fit the rest of the catalog.", _in("use.audit"), requires=_K3M
    ),
    CommandPlugin(
        "demo",
        "Take a generated catalog the whole way.",
        _in("demo"),
        requires=(*_K3M, "matplotlib"),
    ),
    CommandPlugin(
        "kge",
        "Knowledge graph embeddings by PyKEEN.",
        _in("training.kge", "app"),
        requires=("torch", "pykeen"),
    ),
    CommandPlugin(
        "serve",
        "Look at the graph in a browser, review, query; an HTTP API.",
        _in("serve"),
        requires=("fastapi", "jinja2", "python_multipart", "starlette", "uvicorn"),
    ),
    CommandPlugin(
        "bench",
        "Published benchmarks, from files that you have.",
        _in("evaluation.bench"),
        requires=("torch", "pykeen", "sklearn"),
    ),
    CommandPlugin("plugins", "What is installed; a new package.", _in("plugins", "app")),
]


@hookimpl
def k3m_kg_commands() -> list[CommandPlugin]:
    """The commands that k3m-kg comes with."""
    return COMMANDS
