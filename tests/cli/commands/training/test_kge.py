from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

from tests.cli.conftest import Command
from tests.kge.toy import config, write


def config_file(folder: Path) -> Path:
    settings = config(write(folder / "data"), folder / "model")
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    return path


def test_train_and_evaluate_print_one_json_object(run: Command, tmp_path: Path) -> None:
    path = config_file(tmp_path)
    code, out, _ = run("kge", "train", path, "--set", "training.epochs=4", "--json")
    assert code == 0
    report = json.loads(out)
    assert report["epochs"] == 4
    assert report["test"]["task"] == "link-prediction"
    code, out, _ = run("kge", "evaluate", report["artifact"], "--json")
    assert code == 0
    found = json.loads(out)
    assert found.pop("same_data_as_in_training") is True
    assert found == report["test"]
    code, out, _ = run("kge", "evaluate", report["artifact"], "--typed", "--split", "validation")
    assert code == 0
    assert "without what leaks" in out
    assert "type-constrained" in out


def test_mistakes_are_one_message_and_exit_code_2(run: Command, tmp_path: Path) -> None:
    path = config_file(tmp_path)
    for words, message in (
        (("train", path, "--set", "trainin.epochs=4"), "did you mean 'training'"),
        (("train", path, "--resume"), "no checkpoint"),
        (("evaluate", tmp_path, "--split", "tset"), "Did you mean 'test'"),
    ):
        code, out, err = run("kge", *words)
        assert code == 2
        assert out == ""
        assert message in err
        assert "Traceback" not in err
    code, _, err = run("kge", "evaluate", tmp_path / "nowhere")
    assert (code, "no such artifact" in err) == (1, True)


def test_home_is_never_written(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    path = config_file(tmp_path)
    names = ("PYSTOW_HOME", "XDG", "MPLCONFIGDIR")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(names)}
    subprocess.run(
        [
            sys.executable,
            "-c",
            "from k3m_kg.cli.app import main; main()",
            "kge",
            "train",
            str(path),
            "--set",
            "training.epochs=1",
        ],
        env=environment | {"HOME": str(home)},
        check=True,
        capture_output=True,
    )
    assert list(home.iterdir()) == []
