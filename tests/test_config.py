"""Settings are strict, and say what was meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from k3m_kg.config import Component, RunConfig, load_config, read_yaml, validate_settings
from k3m_kg.errors import ConfigError, UsageError
from k3m_kg.model.compose import resolve

MINIMAL = "snapshot: cut\noutput: runs/one\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "run.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def load(folder: Path, text: str, *overrides: str) -> RunConfig:
    return load_config(RunConfig, write(folder, MINIMAL + text), list(overrides))


@pytest.mark.parametrize(
    ("text", "key", "meant"),
    [
        ("fusoin: mean", "fusoin", "fusion"),
        ("model: {hiden: 64}", "model.hiden", "hidden"),
        ("training: {learning_rat: 0.1}", "training.learning_rat", "learning_rate"),
        ("validation: {propertys: [a]}", "validation.propertys", "properties"),
        ("fusion: {name: mean, settings: {}, setings: {}}", "fusion.setings", "settings"),
        ("tasks: [{name: lpm, settings: {}, wieght: 2}]", "tasks.0.wieght", "weight"),
    ],
)
def test_unknown_key_names_the_nearest(tmp_path: Path, text: str, key: str, meant: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert f"unknown key {key!r}; did you mean {meant!r}?" in str(caught.value)
    assert str(tmp_path / "run.yaml") in str(caught.value)
    assert caught.value.exit_code == 2


def test_unknown_key_like_nothing_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="known keys: cut_title, hide, max_products, properties"):
        load(tmp_path, "validation: {zzz: 1}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: {interactor: {layer: 2}}", "model.interactor: unknown key 'layer'; did you mean"),
        ("model: {structure: {zzz: 1}}", "model.structure: .* known keys: backend, heads"),
        ("model: {interactor: coattention}", "Did you mean 'co-attention'"),
        ("tasks: [{name: lpm, scorer: transse}]", "unknown link-scorer 'transse'"),
        ("tasks: [{name: lpm, scorer: {name: transe, q: 1}}]", "tasks.lpm.scorer"),
        ("modalities: [titel]", "Did you mean 'title'"),
    ],
)
def test_settings_of_plugins_are_checked_before_anything_is_prepared(
    tmp_path: Path, text: str, message: str
) -> None:
    config = load(tmp_path, text)
    with pytest.raises(UsageError, match=message):
        resolve(config)


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, "fusoin: mean\ntraining: {epochs: 0, patience: x}")
    for part in ("fusoin", "training.epochs", "training.patience"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: {hidden: 0}", "model.hidden"),
        ("model: {dropout: 1.0}", "model.dropout"),
        ("model: {max_title_tokens: -1}", "model.max_title_tokens"),
        ("training: {batch_size: many}", "training.batch_size"),
        ("training: {learning_rate: .inf}", "training.learning_rate"),
        ("training: {weight_decay: .nan}", "training.weight_decay"),
        ("training: {betas: [0.9]}", "training.betas"),
        ("model: 3", "model"),
        ("tasks: lpm", "tasks"),
        ("tasks: [lpm, mlm, lpm]", "a task is listed twice"),
        ("fusion: {temperature: 1}", "key 'fusion.name' is required"),
        ("fusion:", "fusion"),
    ],
)
def test_impossible_value_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, text)


def test_required_keys_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="key 'snapshot' is required; key 'output' is required"):
        load_config(RunConfig, write(tmp_path, "model: {}"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [1", "not valid YAML"),
        (b"\tkey: 1", "not valid YAML"),
        (b"- one\n- two\n", "must hold settings"),
        (b"", "must hold settings"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"a: \x00", "not valid YAML"),
        (b"fusion: mean\nfusion: hard-spl\n", "'fusion' stands twice"),
        (b"model: {hidden: 64, hidden: 32}", "'hidden' stands twice"),
        (b"? [a]\n: 1", "not valid YAML"),
        (b"a: 1\n---\nb: 1", "line 2: .*a second document"),
    ],
)
def test_bad_yaml_is_one_clear_error(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        read_yaml(path)
    assert str(path) in str(caught.value)


def test_missing_file_and_folder_are_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_yaml(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_yaml(tmp_path)


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.system ['touch {mark}']",
        "!!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path [{mark}]]",
        "!!python/name:os.system ''",
        "!!python/module:os ''",
    ],
)
def test_python_tags_never_execute(tmp_path: Path, tag: str) -> None:
    mark = tmp_path / "executed"
    line = tag.replace("{mark}", str(mark))
    with pytest.raises(ConfigError, match="not valid YAML"):
        load(tmp_path, f"model: {line}")
    with pytest.raises(ConfigError, match="not valid YAML"):
        load(tmp_path, "", f"model={line}")
    assert not mark.exists()


def test_overrides_are_yaml_and_go_deep(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        "fusion: soft-spl\nmodel: {hidden: 64}",
        "model.interactor.layers=3",
        "training.learning_rate=1e-4",
        "validation.properties=[colour, size]",
        "fusion.temperature=0.5",
        "output=runs/two",
    )
    assert config.model.hidden == 64
    assert config.model.interactor.settings["layers"] == 3
    assert config.training.learning_rate == pytest.approx(1e-4)
    assert config.validation.properties == ("colour", "size")
    assert config.fusion == Component(name="soft-spl", settings={"temperature": 0.5})
    assert config.output == Path("runs/two")


def test_overrides_reach_plugins_by_name_and_defaults(tmp_path: Path) -> None:
    config = load(tmp_path, "", "tasks.lpm.weight=3", "tasks.mlm.rate=0.2", "fusion.temperature=2")
    assert [(task.name, task.weight, task.settings) for task in config.tasks] == [
        ("mlm", 1, {"rate": 0.2}),
        ("mom", 1, {}),
        ("lpm", 3, {}),
    ]
    assert config.fusion == Component(name="hard-spl", settings={"temperature": 2})


def test_overrides_reach_the_settings_in_an_artifacts_own_config(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL + "tasks: [{name: lpm, scale: 2.0, scorer: transe}]\n")
    resolved = load_config(RunConfig, path).model_dump(mode="json")
    again = write(tmp_path, yaml.safe_dump(resolved))
    overrides = ["tasks.lpm.scale=3.0", "tasks.lpm.scorer.p=1", "tasks.lpm.weight=0.5"]
    task = load_config(RunConfig, again, overrides).tasks[0]
    assert task.weight == 0.5
    assert task.settings["scale"] == 3.0
    assert task.settings["scorer"] == {"name": "transe", "p": 1}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.hidden", "must be key=value"),
        ("=3", "must be key=value"),
        ("model.hiden=3", "did you mean 'hidden'"),
        ("snapshot.deep.er=3", "snapshot"),
        ("training.seed.deep=3", "training.seed"),
        ("tasks.lpmm.weight=3", "Did you mean 'lpm'"),
        ("tasks.lpm=3", "name a setting of 'lpm'"),
        ("model.hidden=[", "not valid YAML"),
    ],
)
def test_bad_override_is_refused(tmp_path: Path, override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, "", override)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("mean", {"name": "mean", "settings": {}}),
        ({"name": "mean"}, {"name": "mean", "settings": {}}),
        ({"name": "a", "size": 3}, {"name": "a", "settings": {"size": 3}}),
        ({"name": "a", "settings": {"size": 3}}, {"name": "a", "settings": {"size": 3}}),
    ],
)
def test_component_has_a_short_form(written: Any, meant: dict[str, Any]) -> None:
    assert Component.model_validate(written).model_dump() == meant


def test_a_saved_config_loads_as_the_same(tmp_path: Path) -> None:
    config = load(tmp_path, "tasks: [mlm, {name: lpm, weight: 2, margin: 3}]\nfusion: mean")
    again = validate_settings(RunConfig, config.model_dump(mode="json"), "saved")
    assert again == config
    assert again.tasks[1].weight == 2
    assert again.tasks[1].settings == {"margin": 3}


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    config = load(tmp_path, "")
    with pytest.raises(ValueError, match="frozen"):
        config.output = Path("elsewhere")  # type: ignore[misc]
