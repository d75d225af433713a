from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from k3m_kg.cli.app import main
from k3m_kg.config import RunConfig, load_config
from k3m_kg.errors import ArtifactError, ConfigError, UsageError
from k3m_kg.training.artifact.folder import Artifact
from k3m_kg.training.pretrain import pretrain
from k3m_kg.training.run.folder import held
from k3m_kg.training.watching.logs import read_metrics
from tests.catalogs import shop_snapshot
from tests.processes import killed_at
from tests.training.conftest import interrupted

STEP = "k3m_kg.training.loop.optimizer:MovingAverage.update"


def weights(path: Path) -> dict[str, torch.Tensor]:
    return load_file(path / "model.safetensors")


def same(a: Path, b: Path) -> bool:
    one, two = weights(a), weights(b)
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def test_the_same_seed_gives_the_same_weights(config_file) -> None:
    first = pretrain(load_config(RunConfig, config_file("a")))
    second = pretrain(load_config(RunConfig, config_file("b")))
    assert same(first, second)
    third = pretrain(load_config(RunConfig, config_file("c"), ["training.seed=1"]))
    assert not same(first, third)


MOMENTS = [
    ("k3m_kg.training.loop.optimizer:MovingAverage.update", 5, 3),
    ("k3m_kg.training.pretrain:write_tensors", 1, 3),  # the first epoch's weights are the best yet
    ("k3m_kg.training.run.checkpoint:write_tensors", 2, 5),
    ("k3m_kg.training.run.checkpoint:write_json", 2, 6),
    ("k3m_kg.files.folder:sync", 1, 9),
    ("k3m_kg.training.run.checkpoint:_remove", 1, 10),
    ("k3m_kg.training.pretrain:save_artifact", 1, 10),
]
"""Where a run is killed, one after another, in steps and in what is written between them; and what
is saved by then: a checkpoint every three steps, and after each epoch of five."""


def test_a_run_that_is_killed_again_and_again_comes_to_the_same_bits(
    config_file, tmp_path: Path
) -> None:
    """kill -9, never more lost than since the last checkpoint; then on to the end."""
    straight = pretrain(load_config(RunConfig, config_file("straight")))
    config = load_config(RunConfig, config_file("killed"))
    run, output = tmp_path / "killed.run", tmp_path / "killed"
    for place, nth, saved in MOMENTS:
        begun = steps_saved(run) > 0
        assert killed(place, nth, lambda resume=begun: pretrain(config, resume=resume)), place
        assert not output.exists()
        assert steps_saved(run) == saved, place
    pretrain(config, resume=True)
    assert same(straight, output)
    losses = [
        [line | {"speed": None} for line in read_metrics(folder) if "loss" in line]
        for folder in (tmp_path / "straight.run", run)
    ]
    assert losses[0] == losses[1]


def killed(place: str, nth: int, act: Callable[[], object]) -> bool:
    """Whether a process that does something is killed when it calls `place` for the nth time."""
    child = os.fork()
    if not child:
        try:
            with killed_at(place, nth):
                act()
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def steps_saved(run: Path) -> int:
    """Of the last of its checkpoints."""
    found = sorted(run.glob("checkpoint/*/progress.json"))
    return int(json.loads(found[-1].read_text())["state"]["step"]) if found else 0


def test_ctrl_c_ends_with_one_line_and_can_be_resumed(config_file, tmp_path: Path) -> None:
    done = interrupted(STEP, 5, signal.SIGINT, "pretrain", config_file("stopped"))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "--resume" in done.stderr
    assert steps_saved(tmp_path / "stopped.run") == 3


def test_an_unfinished_run_is_not_overwritten(config_file, tmp_path: Path) -> None:
    config = config_file()
    checkpoint = tmp_path / "run.run" / "checkpoint" / "000000003"
    checkpoint.mkdir(parents=True)
    (checkpoint / "progress.json").write_text("{}")
    with pytest.raises(UsageError, match="unfinished run"):
        pretrain(load_config(RunConfig, config))


def test_resume_without_a_checkpoint_is_wrong_use(config_file) -> None:
    with pytest.raises(UsageError, match="no checkpoint"):
        pretrain(load_config(RunConfig, config_file()), resume=True)


def stopped(_run: object) -> None:
    raise KeyboardInterrupt


def test_only_the_logs_stay_of_a_finished_run(config_file, tmp_path: Path) -> None:
    pretrain(load_config(RunConfig, config_file(training={"epochs": 1})))
    left = {path.name for path in (tmp_path / "run.run").iterdir()}
    assert left == {"config.json", "metrics.jsonl", "tensorboard"}


def test_losses_gradient_and_speed_are_written_down(config_file, tmp_path: Path) -> None:
    pretrain(load_config(RunConfig, config_file(training={"epochs": 1})))
    lines = [line for line in read_metrics(tmp_path / "run.run") if "loss" in line]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5]
    assert {"mlm", "mom", "lpm", "lpm/hits@1", "gradient_norm"} <= lines[-1].keys()
    assert all(line["gradient_norm"] > 0 for line in lines)
    speeds = [line["speed"] for line in lines if "speed" in line]
    assert [line["step"] for line in lines if "speed" in line] == [2, 4]
    for speed in speeds:
        assert speed["products_per_second"] > 0
        assert speed["tokens_per_second"] > speed["products_per_second"]
        assert 0 < speed["filled"] <= 1
        assert 0 <= speed["waiting"] <= 1
        assert speed["mfu"] == 0  # nobody knows what this CPU could do


def test_two_trainings_do_not_share_an_output(config_file, tmp_path: Path) -> None:
    with (
        held(tmp_path / "run.run"),
        pytest.raises(UsageError, match="another process trains here"),
    ):
        pretrain(load_config(RunConfig, config_file()))


def test_resume_refuses_another_config(
    config_file, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_file(training={"epochs": 1})
    with monkeypatch.context() as patch:
        patch.setattr("k3m_kg.training.pretrain._Run.finish", stopped)
        with pytest.raises(KeyboardInterrupt):
            pretrain(load_config(RunConfig, config))
    with pytest.raises(ConfigError, match=r"training\.learning_rate"):
        pretrain(load_config(RunConfig, config, ["training.learning_rate=0.5"]), resume=True)


def test_an_artifact_is_never_overwritten(config_file, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "precious.txt").write_text("x")
    with pytest.raises(UsageError, match="no artifact"):
        pretrain(load_config(RunConfig, config_file()))
    assert (tmp_path / "run" / "precious.txt").read_text() == "x"


def test_early_stopping_keeps_the_best_epoch(config_file) -> None:
    config = config_file(training={"epochs": 30, "patience": 1, "learning_rate": 1e-9, "ema": 0})
    artifact = Artifact.load(pretrain(load_config(RunConfig, config)))
    assert artifact.metrics["epochs"] < 30
    assert artifact.metrics["best_epoch"] < artifact.metrics["epochs"]


@pytest.mark.parametrize("lacking", ["images", "titles", "triples", "validation"])
def test_trains_on_a_catalog_that_lacks_a_modality(
    config_file, tmp_path: Path, lacking: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from tests.catalogs import Shop

    def stripped(self: Shop):
        changes = {"images": {"images": ()}, "titles": {"title": None}, "triples": {"triples": ()}}
        for product in self.products:
            yield replace(product, **changes.get(lacking, {}))

    monkeypatch.setattr(Shop, "iter_products", stripped)
    share = {"validation": 0.0} if lacking == "validation" else {}
    snapshot = shop_snapshot(tmp_path / "bare", 30, **share)
    path = config_file(snapshot=str(snapshot), training={"epochs": 1})
    artifact = Artifact.load(pretrain(load_config(RunConfig, path)))
    assert artifact.model.heads(batch_of(artifact, snapshot)).isfinite().all()


def batch_of(artifact: Artifact, path: Path):
    from k3m_kg.snapshot import Snapshot

    snapshot = Snapshot.open(path)
    return artifact.batcher(snapshot).batch(snapshot.rows("train")[:5])


def test_artifact_says_what_made_it(config_file, shop: Path) -> None:
    artifact = Artifact.load(pretrain(load_config(RunConfig, config_file(training={"epochs": 1}))))
    used = {(plugin["kind"], plugin["name"]) for plugin in artifact.record["plugins"]}
    assert ("fusion", "hard-spl") in used
    assert ("link-scorer", "transe") in used
    assert all(plugin["version"] for plugin in artifact.record["plugins"])
    assert artifact.snapshot_id.startswith(shop.name)
    assert artifact.config.fusion.settings == {"temperature": 1.0, "gates": "sigmoid"}
    card = (artifact.path / "README.md").read_text()
    assert "hard-spl" in card
    assert "| kind |" in card


def test_a_loaded_artifact_computes_what_was_trained(config_file, shop: Path) -> None:
    path = pretrain(load_config(RunConfig, config_file(training={"epochs": 1})))
    one, two = Artifact.load(path), Artifact.load(path)
    torch.testing.assert_close(
        one.model.heads(batch_of(one, shop)), two.model.heads(batch_of(two, shop))
    )


@pytest.fixture(scope="module")
def trained(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from k3m_kg.config import RunConfig, validate_settings
    from tests.training.conftest import TINY

    output = tmp_path_factory.mktemp("trained") / "run"
    training = TINY["training"] | {"epochs": 1}
    data = {"snapshot": str(shop), "output": str(output), **TINY, "training": training}
    return pretrain(validate_settings(RunConfig, data, "test"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda p: os.truncate(p / "model.safetensors", 1000), "truncated"),
        (lambda p: (p / "model.safetensors").unlink(), "missing"),
        (
            lambda p: (p / "labels.json").write_text("[" * (p / "labels.json").stat().st_size),
            "changed",
        ),
        (lambda p: (p / "artifact.json").unlink(), "no artifact"),
        (lambda p: (p / "artifact.json").write_text("{"), "Invalid JSON"),
        (lambda p: (p / "artifact.json").write_text('{"format": 99, "k3m_kg": "9"}'), "newer"),
    ],
    ids=["truncated", "missing", "changed", "no-manifest", "broken-manifest", "newer"],
)
def test_a_damaged_artifact_is_refused(trained: Path, tmp_path: Path, damage, message) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(trained, copy)
    damage(copy)
    with pytest.raises(ArtifactError, match=message):
        Artifact.load(copy)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"snapshot": "nowhere"}, "nowhere"),
        ({"fusion": "hard-spel"}, "hard-spl"),
        ({"model": {"hidden": 15}}, "multiple"),
        ({"image_encoder": {"size": 33}}, "multiple of patch"),
        ({"image_encoder": {"codebook": 100000}}, "too few"),
        ({"text_encoder": {"layer": 1}}, "layers"),
        ({"training": {"device": "tpu9"}}, "tpu9"),
        ({"validation": {"properties": ["prise"]}}, "price"),
        ({"tasks": ["lpm", "lpm"]}, "twice"),
    ],
)
def test_a_config_that_cannot_work_is_one_clear_message(
    config_file, changes, message, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setattr(sys, "argv", ["k3m-kg", "pretrain", str(config_file(**changes))])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code in (1, 2)
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("error:") == 1


def test_a_model_that_hardly_learned_is_called_so(
    config_file, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    config = str(config_file(training={"minutes": 0.0001}))
    monkeypatch.setattr(sys, "argv", ["k3m-kg", "pretrain", config])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0
    assert "hardly trained" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_is_one_clear_message_and_keeps_the_checkpoint(
    config_file, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=900k", "tmpfs", str(disk)], check=False
    )
    if mounted.returncode:
        pytest.skip("tmpfs cannot be mounted here")
    try:
        config = str(config_file(output=str(disk / "run")))
        monkeypatch.setattr(sys, "argv", ["k3m-kg", "pretrain", config])
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code == 1
        said = capsys.readouterr().err
        assert "Traceback" not in said
        assert "cannot be written" in said
        assert not (disk / "run").exists()
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_the_rate_rises_and_falls() -> None:
    from k3m_kg.config import TrainingSettings
    from k3m_kg.training.loop.optimizer import schedule_factor

    for schedule in ("linear", "cosine"):
        settings = TrainingSettings(warmup=0.1, schedule=schedule)
        factors = [schedule_factor(step, 100, settings) for step in range(100)]
        assert factors[9] == 1.0
        assert factors[:10] == sorted(factors[:10])
        assert factors[10:] == sorted(factors[10:], reverse=True)
        assert 0 < factors[-1] < 0.02
