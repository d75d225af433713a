"""Each extra brings what it is for, and a command that lacks one says which."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from k3m_kg.cli.root import built_in_commands
from tests.packaging.conftest import Environment, make_a_snapshot, use_the_graph
from tests.sources import ROOT

pytestmark = pytest.mark.slow
Make = Callable[..., Environment]

GRAPH = {
    "init",
    "migrate",
    "ingest",
    "status",
    "diff",
    "undo",
    "validate",
    "export",
    "sparql",
    "sources",
}
CORE = GRAPH | {
    *("snapshot cut", "snapshot verify", "snapshot export"),
    *("plugins list", "plugins show", "plugins new"),
}
"""The commands that need no extra: used in `use_the_graph`, and below."""

NEEDS = [
    ("pretrain run.yaml", "train"),
    ("profile run.yaml", "train"),
    ("evaluate artifact", "train"),
    ("evaluate artifact --calibrate", "train"),
    ("embed artifact vectors.parquet", "train"),
    ("search artifact shirt", "train"),
    ("match artifact", "train"),
    ("complete artifact", "train"),
    ("audit artifact", "train"),
    ("classify artifact", "train"),
    ("report artifact", "train,plots"),
    ("demo", "train,plots"),
    ("kge train kge.yaml", "kge"),
    ("kge evaluate artifact", "kge"),
    ("serve", "serve"),
    ("bench beer", "train"),
    ("robustness cuts", "train,plots"),
    ("status --html page.html", "plots"),
    ("status --db postgresql://localhost/catalog", "postgresql"),
]
"""A command without any extra, and what it asks for."""

RUN = """
snapshot: cuts
output: runs/first
model: {hidden: 32, interactor: {layers: 1, heads: 2}}
text_encoder: {name: bert-wordpiece, layers: 1, heads: 2, vocab_size: 200}
image_encoder: {name: patch-vit, size: 32, layers: 1, heads: 2}
training: {epochs: 1}
"""
KGE = """
snapshot: cuts
output: runs/kge
training: {epochs: 1}
"""


@pytest.fixture(scope="module")
def core(environment: Make) -> Environment:
    """Without any extra, and with a catalog that went as far as the snapshot."""
    env = environment()
    make_a_snapshot(env)
    (env.folder / "run.yaml").write_text(RUN, encoding="utf-8")
    (env.folder / "kge.yaml").write_text(KGE, encoding="utf-8")
    return env


def snapshot_for(env: Environment, core: Environment) -> None:
    for name in ("cuts", "run.yaml", "kge.yaml", "k3m-kg.db"):
        (env.folder / name).symlink_to(core.folder / name)


def leaves(command: click.Command, path: str) -> set[str]:
    inner = getattr(command, "commands", None)
    if inner is None:
        return {path}
    return {leaf for name, c in inner.items() for leaf in leaves(c, f"{path} {name}")}


@pytest.mark.index
def test_pip_installs_a_core_that_works_without_torch(wheel: Path, tmp_path: Path) -> None:
    home, folder = tmp_path / "venv", tmp_path / "work"
    venv.create(home, with_pip=False, symlinks=True)
    folder.mkdir()
    pip = (sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"))
    pinned = ("--constraint", str(ROOT / "constraints.txt"), "--no-compile")
    for words in (("install", "--quiet", *pinned, str(wheel)), ("check",)):
        done = subprocess.run([*pip, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + done.stdout
    (packages,) = home.glob("lib/python*/site-packages")
    heavy = ("torch", "pykeen", "sklearn", "transformers", "matplotlib", "dgl", "pandas", "psycopg")
    assert [name for name in heavy if (packages / name).exists()] == []
    assert (home / "bin" / "k3m-kg").exists()
    env = Environment(home / "bin" / "python", folder)
    assert "ingest" in env.command("--help")
    use_the_graph(env)
    assert len(json.loads(env.command("plugins", "list", "--json"))) > 20
    env.close()


def test_every_command_is_tried_without_extras() -> None:
    found = built_in_commands()
    commands = set().union(*(leaves(command, name) for name, command in found.items()))
    needing = {
        name for name in commands for words, _ in NEEDS if f"{words} ".startswith(f"{name} ")
    }
    assert commands == CORE | needing


def test_a_command_without_its_extra_says_in_one_line_what_to_install(core: Environment) -> None:
    for words, extras in NEEDS:
        said = core.command(*words.split(), expect=1)
        assert said == f"error: this needs: pip install 'k3m-kg[{extras}]'\n", words
    assert not (core.folder / "page.html").exists()
    assert not (core.folder / "demo").exists()


def test_plugins_whose_extra_is_missing_are_listed_with_it(core: Environment) -> None:
    core.command("plugins", "new", "some-reader", "--kind", "reader")
    rows = json.loads(core.command("plugins", "list", "--json"))
    needs = {(row["kind"], row["name"]): row["needs"] for row in rows}
    train = "pip install 'k3m-kg[train]'"
    assert needs["reader", "csv"] is None
    assert needs["image-encoder", "patch-vit"] == needs["link-scorer", "transe"] == train
    assert needs["text-encoder", "pretrained-text"] == "pip install 'k3m-kg[train,text]'"
    assert {kind for (kind, _), needed in needs.items() if needed is None} == {"reader", "command"}
    listed = core.command("plugins", "list")
    assert "patch-vit" in listed
    assert f"this needs: {train}" in listed
    assert f"this needs: {train}" in core.command("plugins", "show", "hard-spl")
    assert (
        core.code("from k3m_kg.plugin.registry import registry; print(registry().failures)")
        == "[]\n"
    )


def test_help_needs_no_extra(core: Environment) -> None:
    for path in ("", "pretrain", "evaluate", "complete", "demo", "kge train", "plugins"):
        assert core.command(*path.split(), "--help")


def test_kge_trains_and_completes(environment: Make, core: Environment) -> None:
    env = environment("kge")
    snapshot_for(env, core)
    env.command("kge", "train", "kge.yaml")
    env.command("complete", "runs/kge", "--json")
    assert "'k3m-kg[train]'" in env.command("pretrain", "run.yaml", expect=1)


def test_train_trains_k3m(environment: Make, core: Environment) -> None:
    env = environment("train")
    snapshot_for(env, core)
    env.command("pretrain", "run.yaml")
    classes = ("--task", "classification", "--target", "shape", "--json")
    env.command("evaluate", "runs/first", *classes)
    assert "'k3m-kg[plots]'" in env.command("evaluate", "runs/first", "--calibrate", expect=1)
    text = ("--set", "text_encoder=pretrained-text", "--set", "output=runs/second")
    text = (*text, "--set", "text_encoder.model=nowhere")
    assert "'k3m-kg[text]'" in env.command("pretrain", "run.yaml", *text, expect=1)


def test_plots_draws_without_torch(environment: Make, core: Environment) -> None:
    env = environment("plots")
    snapshot_for(env, core)
    env.command("status", "--html", "page.html")
    assert "<img" in (env.folder / "page.html").read_text(encoding="utf-8")
    with pytest.raises(AssertionError, match="No module named 'torch'"):
        env.code("import torch")


def test_text_dgl_and_postgresql_bring_what_they_say(environment: Make) -> None:
    everything = environment("text", "postgresql", "dgl")
    dgl = "import os; os.environ['DGLBACKEND'] = 'pytorch'; import dgl"
    imports = ["import k3m_kg_text.pretrained, psycopg", dgl if sys.version_info < (3, 12) else ""]
    found = everything.code("\n".join([*imports, "import pkgutil; print(*pkgutil.iter_modules())"]))
    assert "matplotlib" not in found
