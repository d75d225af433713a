"""Whatever is wrong with a request ends in one message, an exit code, and no traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from k3m_kg.cli import app
from k3m_kg.errors import ConfigError
from tests.cli.conftest import Command


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["ingst"], 2, "unknown command"),
        (["status", "--dbb", "x"], 2, "No such option"),
        (["pretrain"], 2, "Missing argument"),
        (["pretrain", "none.yaml"], 2, "none.yaml: no such file"),
        (["pretrain", "bad.yaml"], 2, "did you mean 'fusion'?"),
        (["pretrain", "good.yaml", "--set", "model.hiden=8"], 2, "did you mean 'hidden'?"),
        (["pretrain", "good.yaml", "--set", "model.hidden"], 2, "must be key=value"),
        (["pretrain", "good.yaml"], 1, "snapshots"),
        (["pretrain", "good.yaml", "--set", "fusion=meen"], 2, "Did you mean 'mean'?"),
        (["status"], 1, "k3m-kg.db"),
        (["status", "--db", "nonsense"], 2, "nonsense"),
        (["ingest", "none.csv"], 1, "none.csv"),
        (["evaluate", "nowhere"], 1, "no such artifact"),
        (["plugins", "show", "nothing-like-it"], 2, "unknown plugin"),
        (["demo", "--out", "."], 2, "holds something else than an earlier demo"),
        (["demo", "--products", "3"], 2, "--products"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_one_message_and_an_exit_code(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    run: Command,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("K3M_KG_TRACEBACK", raising=False)
    (tmp_path / "bad.yaml").write_text("snapshot: a\noutput: b\nfusoin: mean\n", encoding="utf-8")
    (tmp_path / "good.yaml").write_text("snapshot: snapshots\noutput: b\n", encoding="utf-8")
    before = sorted(tmp_path.iterdir())
    ended, out, err = run(*arguments)
    assert ended == code, err
    assert message in err
    assert "Traceback" not in err
    assert out == ""
    left = {path for path in tmp_path.iterdir() if not path.name.startswith("k3m-kg.db")}
    assert sorted(left) == before, "nothing is left behind"


def test_memory_that_runs_out_is_no_bug(monkeypatch: pytest.MonkeyPatch, run: Command) -> None:
    def taking_all() -> None:
        raise MemoryError

    monkeypatch.setattr(app, "app", taking_all)
    code, out, err = run("status")
    assert (code, out) == (1, "")
    assert err.startswith("error: the system gives the command no more memory\n  hint: ")


def test_the_traceback_is_there_for_those_who_ask(
    monkeypatch: pytest.MonkeyPatch, run: Command
) -> None:
    monkeypatch.setenv("K3M_KG_TRACEBACK", "1")
    with pytest.raises(ConfigError, match="no such file"):  # for Python to tell
        run("pretrain", "none.yaml")


def test_a_closed_pipe_is_no_crash(tmp_path: Path) -> None:
    command = "from k3m_kg.cli.app import main; main()"
    done = subprocess.run(
        f'"{sys.executable}" -c "{command}" plugins list --json | true',
        shell=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
