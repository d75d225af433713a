"""Writes what follows from the code (`make docs`): pages of docs/, and JSON schemas for editors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent


def help_of(*command: str) -> str:
    """What `k3m-kg COMMAND --help` prints on a terminal of 96 columns."""
    done = subprocess.run(
        [sys.executable, "-c", "from k3m_kg.cli.app import main; main()", *command, "--help"],
        env={**os.environ, "COLUMNS": "96", "TERMINAL_WIDTH": "96", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.replace("Usage: -c ", "Usage: k3m-kg ").strip()


def commands() -> Iterator[tuple[str, ...]]:
    """Every command, those of a group after it."""
    from k3m_kg.cli.root import built_in_commands

    for name, command in built_in_commands().items():
        yield (name,)
        for inner in getattr(command, "commands", {}):
            yield (name, inner)


def cli_page() -> str:
    """docs/cli.md."""
    parts = [
        "# Commands",
        "",
        "Written by `make docs` from `--help`; a test keeps it current. Exit code 0: done, 1: the "
        "work failed, 2: the request was wrong. With `--json`, one JSON document on standard "
        "output and nothing else there. Set `K3M_KG_TRACEBACK=1` to see where an error came from.",
        "",
        "```text",
        help_of(),
        "```",
    ]
    for command in commands():
        parts += ["", f"## k3m-kg {' '.join(command)}", "", "```text", help_of(*command), "```"]
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


FILES = {
    "docs/cli.md": cli_page,
    "docs/config.md": config_page,
    "schemas/run-config.schema.json": run_config_schema,
    "schemas/mapping.schema.json": mapping_schema,
}


if __name__ == "__main__":
    for name, page in FILES.items():
        (ROOT / name).write_text(page(), encoding="utf-8")
        print(f"wrote {name}")
