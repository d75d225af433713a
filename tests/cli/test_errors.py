"""Whatever is wrong with a request ends in one message, an exit code, and no traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from k3m_kg.cli import app
from k3m_kg.cli.console import error_text
from k3m_kg.errors import ConfigError, MappingNeeded
from tests.cli.conftest import Command


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["ingst"], 2, "unknown command"),
        (["status", "--dbb", "x"], 2, "No such option"),
        (["pretrain"], 2, "Missing argument"),
        (["pretrain", "none.yaml"], 2, "none.yaml: no such file"),
        (["pretrain", "good.yaml", "--epochs", "3"], 2, "--set training.epochs=..."),
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
        (["match", "nowhere", "--top", str(10**20)], 2, "is too large"),
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


def test_a_suggested_mapping_is_shown_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Command
) -> None:
    monkeypatch.chdir(tmp_path)
    columns = [f"a property of the catalog {number}" for number in range(60)]
    rows = [[f"{row}", *(["a|b", "a"][row % 2] for _ in columns)] for row in range(30)]
    text = "\n".join(",".join(cells) for cells in (["sku", *columns], *rows))
    (tmp_path / "wide.csv").write_text(text, encoding="utf-8")
    code, _, err = run("ingest", "wide.csv")
    assert code == 2
    assert "--accept, which keeps it as wide.csv.mapping.yaml" in err
    assert run("ingest", "wide.csv", "--accept")[0] == 0
    shown = err.partition("\n\n")[2].strip("\n")
    assert shown == (tmp_path / "wide.csv.mapping.yaml").read_text(encoding="utf-8").strip("\n")
    assert "its first products would be\n  0\n" in err


def test_a_mapping_that_is_too_long_says_so() -> None:
    mapping = "id: sku\n" + "".join(f"# {number:099}\n" for number in range(1000))
    shown = error_text(MappingNeeded("no", where="c.csv", mapping=mapping)).splitlines()
    assert "# NOT WHOLE, 510 more lines" in shown[-1]
    assert len(shown) < 600


def test_columns_that_are_not_listed_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Command
) -> None:
    monkeypatch.chdir(tmp_path)
    columns = [f"a property of the catalog {number:02}" for number in range(60)]
    (tmp_path / "wide.csv").write_text(",".join(["sku", *columns]) + "\n1\n", encoding="utf-8")
    (tmp_path / "m.yaml").write_text("id: sku\ntitle: nam\n", encoding="utf-8")
    _, _, err = run("ingest", "wide.csv", "--mapping", "m.yaml")
    assert "columns: sku, a property" in err
    assert " 15 and 44 more\n" in err
