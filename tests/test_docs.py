"""The documentation says what the code does, and its examples work."""

from __future__ import annotations

import importlib.util
import inspect
import json
import re
import shlex
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from unittest.mock import patch

import numpy as np
import pytest
import yaml

from k3m_kg.config import validate_settings
from k3m_kg.plugin import hookspecs
from k3m_kg.plugin.hookspecs import (
    CommandPlugin,
    EvaluationPlugin,
    LinkPredictorPlugin,
    ModalityPlugin,
)
from k3m_kg.plugin.registry import KINDS, Registry
from k3m_kg.readers.mapping import Mapping

ROOT = Path(__file__).parent.parent
HOOKS = sorted(name for name in vars(hookspecs) if name.startswith("k3m_kg_"))
LOOKED_UP = {
    # nobody reads these from end to end: each section stands for itself
    "benchmarks.md",
    "cli.md",
    "config.md",
    "glossary.md",
    "log.md",
    "plugins.md",
    "reference/api.md",
    "reference/errors.md",
    "reference/http-api.md",
    "reference/vocabulary.md",
}
WORDS_A_MINUTE = 240
INTERNAL = {"K3M_KG_DATA"}
"""Variables of tests, and of our own processes for each other."""
README = (ROOT / "README.md").read_text(encoding="utf-8")
PLUGINS = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    return load(ROOT / "docs" / "generate.py")


@pytest.mark.parametrize(
    "name",
    [
        "docs/cli.md",
        "docs/config.md",
        "docs/reference/api.md",
        "docs/reference/errors.md",
        "docs/reference/vocabulary.md",
        "docs/reference/http-api.md",
        "schemas/run-config.schema.json",
        "schemas/mapping.schema.json",
    ],
)
def test_generated_file_is_current(pages: ModuleType, name: str) -> None:
    assert pages.FILES[name]() == (ROOT / name).read_text(encoding="utf-8"), "run `make docs`"


def test_every_word_of_the_glossary_is_used() -> None:
    glossary = ROOT / "docs" / "glossary.md"
    words = re.findall(r"(?<![*\w])\*(\w[^*]*?)\*(?!\*)", glossary.read_text(encoding="utf-8"))
    texts = [path for path in (ROOT / "docs").rglob("*.md") if path != glossary]
    texts += [*(ROOT / "k3m_kg").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]
    said = " ".join(" ".join(path.read_text(encoding="utf-8") for path in texts).lower().split())
    assert len(words) > 100
    plain = {" ".join(word.lower().split()) for word in words}
    # In code a word may be the name of a class.
    unused = [w for w in sorted(plain) if w not in said and w.replace(" ", "") not in said]
    assert unused == []


def test_every_setting_has_a_meaning() -> None:
    rows = (ROOT / "docs" / "config.md").read_text(encoding="utf-8").splitlines()
    assert [row for row in rows if row.endswith("|  |")] == []


def test_every_variable_of_the_environment_is_documented(pages: ModuleType) -> None:
    code = [*(ROOT / "k3m_kg").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]
    read = {
        name
        for path in code
        for name in re.findall(r"""["'](K3M_KG_[A-Z_]+)["']""", path.read_text(encoding="utf-8"))
    }
    assert read - INTERNAL == set(pages.VARIABLES)


def test_every_error_that_there_is_is_documented(pages: ModuleType) -> None:
    from k3m_kg.errors import K3MError

    page = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    waiting = [K3MError]
    for cls in waiting:  # those of the modules that tests have imported
        waiting += cls.__subclasses__()
        if cls.__module__.startswith("k3m_kg.") and not cls.__name__.startswith("_"):
            assert f"| `{cls.__name__}` | {cls.exit_code} |" in page


def test_every_kind_of_plugin_is_named_where_plugins_are_written() -> None:
    for kind, cls in KINDS.items():
        assert f"{cls.__name__}(" in PLUGINS, kind


def test_every_hook_has_a_section_with_its_signature() -> None:
    found = re.findall(r"^## (k3m_kg_.*)$", PLUGINS, re.MULTILINE)
    signatures = [
        f"{name}({', '.join(inspect.signature(getattr(hookspecs, name)).parameters)})"
        for name in HOOKS
    ]
    assert sorted(found) == signatures


@pytest.mark.parametrize("hook", HOOKS)
def test_the_example_of_each_hook_is_a_working_plugin(hook: str, tmp_path: Path) -> None:
    section = PLUGINS.partition(f"## {hook}(")[2].partition("\n## ")[0]
    (source,) = blocks(section, "python")
    check_plugin(source, hook, tmp_path)


def test_the_plugin_of_the_readme_works(tmp_path: Path) -> None:
    (source,) = blocks(README, "python")
    assert len([line for line in source.splitlines() if line.strip()]) <= 36
    check_plugin(source, "k3m_kg_fusions", tmp_path)


def check_modality(record: ModalityPlugin) -> None:
    """Between the encoders of a small K3M, the example passes the modality's conformance case."""
    from k3m_kg.contracts import Modality, ModalityContext
    from k3m_kg.snapshot import Snapshot
    from k3m_kg.testing import ModalityCase
    from k3m_kg.testing.shop import shop_snapshot
    from k3m_kg.testing.tasks import unfitted

    class Example(ModalityCase):
        def build(self, context: ModalityContext) -> Modality:
            return record.factory(record.config(), context)

    with TemporaryDirectory() as folder:
        snapshot = Snapshot.open(shop_snapshot(Path(folder), 40))
        modality = Example().build(unfitted(snapshot)).eval()
        opened = (modality, modality.open(snapshot), np.arange(len(snapshot)))
        tests = [name for name in dir(ModalityCase) if name.startswith("test_")]
        for name in tests:
            more = (Path(folder),) if name == "test_it_is_the_same_after_saving" else ()
            getattr(Example(), name)(opened, *more)
        assert len(tests) > 3


def check_predictor(record: LinkPredictorPlugin, folder: Path) -> None:
    """Opened by its manifest, the example ranks as the commonest value does, but for ties."""
    from k3m_kg.evaluation.link_prediction import evaluate_link_prediction
    from k3m_kg.snapshot import Snapshot
    from k3m_kg.testing.shop import shop_snapshot
    from k3m_kg.use.open_model import open_model

    snapshot = Snapshot.open(shop_snapshot(folder, 40))
    candidates, counts = snapshot.candidates()
    kept = {
        "properties": snapshot.properties,
        "values": snapshot.values,
        "candidates": [ids.tolist() for ids in candidates],
        "counts": [often.tolist() for often in counts],
        "weights": "1",
        "snapshot": str(snapshot.path),
        "snapshot_id": snapshot.id,
    }
    (folder / "model").mkdir()
    (folder / "model" / record.manifest).write_text(json.dumps(kept), encoding="utf-8")
    installed = Registry()
    installed.add(record, "doc", "1")
    with patch("k3m_kg.use.open_artifact.registry", lambda: installed):
        opened = open_model(folder / "model", None, device="cpu")
    assert opened.trained.sees == ()
    metrics = evaluate_link_prediction(opened.predictor, opened.batcher).report["metrics"]
    behind, ahead = (metrics[kind]["mrr"] for kind in ("pessimistic", "optimistic"))
    assert behind - 1e-9 <= metrics["majority_mrr"] <= ahead + 1e-9


def check_evaluation(record: EvaluationPlugin, folder: Path) -> None:
    """The example runs on a small shop."""
    from k3m_kg.evaluation import running
    from k3m_kg.testing.evaluations import opened_shop

    installed = Registry()
    installed.add(record, "doc", "1")
    with patch.object(running, "registry", lambda: installed):
        evaluation = running.build_evaluation(record.name, record.config(most=9), "test")
    opened = opened_shop(folder / "shop")
    with patch.object(running, "registry", lambda: installed):
        report = running.run_evaluation(
            record.name, evaluation, opened, "test", lambda stage, done, total: None
        )
    assert report["metrics"]["products"] == 9
    assert 0 <= report["metrics"]["same_category"] <= 1
    assert len(list(evaluation.lines(report))) == 3


def check_command(record: CommandPlugin, folder: Path) -> None:
    """The example counts, and says what is wrong."""
    from typer.testing import CliRunner

    from k3m_kg.cli.app import app
    from k3m_kg.cli.root import Root
    from k3m_kg.plugin.discovery import Installed

    (folder / "three.txt").write_text("a\nb\nc\n")
    commands = {record.name: Installed(record, "doc", "1")}
    with patch.object(Root, "_commands", commands):
        result = CliRunner().invoke(app, [record.name, str(folder / "three.txt")])
        assert result.stdout == "3\n"
        result = CliRunner().invoke(app, [record.name, str(folder / "none.txt")])
        assert str(result.exception).endswith("none.txt: no such file")


def check_plugin(source: str, hook: str, folder: Path) -> None:
    """Load a module, call its hook, and use what its factory builds as its contract says."""
    import numpy as np
    import torch

    from k3m_kg.contracts import (
        Fusion,
        ImageEncoder,
        Interactor,
        LinkScorer,
        ModelContext,
        SamplerContext,
        StructureAggregation,
        TextEncoder,
    )

    path = folder / f"{hook}_example.py"
    path.write_text(source, encoding="utf-8")
    module = load(path)
    (record,) = getattr(module, hook)()
    assert type(record) in KINDS.values()
    if record.kind == "reader":
        catalog = folder / "products.txt"
        catalog.write_text("a||red cup||colour=red\nnonsense\n")
        reader = record.factory(record.config())
        assert 0 < reader.sniff(catalog, catalog.read_bytes()) <= 1
        assert [type(item).__name__ for item in reader.read(catalog, None)] == [
            "ProductRecord",
            "RejectedRow",
        ]
        return
    if record.kind == "link-predictor":
        check_predictor(record, folder)
        return
    if record.kind == "command":
        check_command(record, folder)
        return
    settings = record.config()
    if record.kind == "evaluation":
        check_evaluation(record, folder)
        return
    if record.kind == "link-loss":
        loss = record.factory(settings)
        assert loss(torch.ones(2), torch.zeros(2, 3), torch.ones(2, 3, dtype=torch.bool)).dim() == 0
        return
    if record.kind == "negative-sampler":
        triples = np.array([[0, 0, 1], [1, 0, 2]])
        sampler = record.factory(settings, SamplerContext(triples, 3, 1, 4))
        drawn = sampler.draw(torch.from_numpy(triples)[None], 2, torch.Generator())
        assert drawn.entities_GK.shape[0] == 1
        assert set(drawn.entities_GK.unique().tolist()) <= {0, 1, 2}
        return
    if record.kind == "link-scorer":
        scorer = record.factory(settings, 8)
        assert isinstance(scorer, LinkScorer)
        head, relation, tails = torch.randn(5, 8), torch.randn(5, 8), torch.randn(5, 3, 8)
        each = torch.stack([scorer.score(head, relation, tails[:, k]) for k in range(3)], 1)
        torch.testing.assert_close(scorer.score_tails(head, relation, tails), each)
        assert scorer.score_tails(head, relation, tails[0]).shape == (5, 3)
        return
    if record.kind == "modality":
        check_modality(record)
        return
    built = record.factory(settings, ModelContext(hidden=8))
    if record.kind == "fusion":
        assert isinstance(built, Fusion)
        present = torch.tensor([[True, False], [True, True]])
        fused = built(torch.randn(2, 2, 8), torch.randn(2, 2, 8), present)
        assert fused.shape == (2, 2, 8)
        assert not fused[0, 1].any()
    elif record.kind == "image-encoder":
        from PIL import Image

        assert isinstance(built, ImageEncoder)
        prepared = built.prepare([Image.new("RGB", (30, 20), "red")], ["0" * 64])
        arrays = {key: torch.from_numpy(value) for key, value in prepared.items()}
        regions = built.describe(arrays)
        count = regions.tokens_IN.shape[1]
        assert regions.boxes_IN5.shape == (1, count, 5)
        assert built(arrays, ~regions.tokens_IN).shape == (1, count, 8)
    elif record.kind == "text-encoder":
        assert isinstance(built, TextEncoder)
        (tokens,) = built.prepare(["Red cup"])
        assert [("Red cup"[a:b]) for a, b in tokens.spans] == ["Red", "cup"]
        ids = torch.tensor([tokens.ids])
        assert built(ids, torch.ones_like(ids, dtype=torch.bool)).shape == (1, 2, 8)
    elif record.kind == "interactor":
        assert isinstance(built, Interactor)
        tokens = {"title": torch.randn(2, 3, 8), "image": torch.randn(2, 0, 8)}
        present = {
            name: torch.ones(part.shape[:2], dtype=torch.bool) for name, part in tokens.items()
        }
        out = built(tokens, present)
        assert {name: part.shape for name, part in out.items()} == {
            name: part.shape for name, part in tokens.items()
        }
    elif record.kind == "structure":
        assert isinstance(built, StructureAggregation)
        c, product = torch.randn(3, 8), torch.tensor([0, 0, 1])
        messages = built.messages(c, product, torch.randn(3, 8), torch.randn(3, 8))
        out = built(c, messages, product, torch.arange(3))
        assert torch.equal(out[2], c[2])
        assert not torch.equal(out[0], c[0])
    else:
        assert record.kind == "task"


def test_the_readme_uses_commands_and_options_that_exist() -> None:
    from k3m_kg.cli.root import built_in_commands

    commands = built_in_commands()
    lines = [line for block in blocks(README, "sh") for line in block.splitlines()]
    used = [shlex.split(line) for line in lines if line.startswith("k3m-kg")]
    assert {words[1] for words in used} >= {"ingest", "status", "snapshot", "pretrain", "evaluate"}
    for _, name, *rest in used:
        known = {option for parameter in commands[name].params for option in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= known, name


def test_make_targets_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    lines = [line for block in blocks(README, "sh") for line in block.splitlines()]
    for target in (line.split()[1] for line in lines if line.startswith("make ")):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_configs_of_the_readme_are_valid() -> None:
    (mapping,) = (yaml.safe_load(block) for block in blocks(README, "yaml"))
    assert validate_settings(Mapping, mapping, "README").id == "sku"


def minutes(text: str) -> float:
    """How long its sentences take to read; code and tables are looked at."""
    text = re.sub(r"^```.*?^```$|^\|.*?$|<!--.*?-->", "", text, flags=re.MULTILINE | re.DOTALL)
    return len(text.split()) / WORDS_A_MINUTE


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda page: page.stem)
def test_no_page_takes_more_than_ten_minutes(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    if page.relative_to(ROOT / "docs").as_posix() not in LOOKED_UP:
        assert minutes(text) <= 10
    for section in re.split(r"^##+ ", text, flags=re.MULTILINE):
        assert minutes(section) <= 5, section.partition("\n")[0]


def test_linked_pages_exist() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name} -> {target}"
