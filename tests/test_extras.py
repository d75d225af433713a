"""What is said where a module of an extra is absent, and what is left alone."""

from __future__ import annotations

import sys

import pytest

from k3m_kg import extras
from k3m_kg.cli import app, bugs
from k3m_kg.extras import MissingExtraError, lacking, missing_extra, require


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No module of any extra can be found."""
    monkeypatch.setattr(
        extras, "find_spec", lambda name: None if name in extras.MODULES else object()
    )


def absent(name: str) -> ModuleNotFoundError:
    return ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_the_message_is_one_line_to_copy() -> None:
    said = missing_extra(absent("torch"))
    assert str(said) == "this needs: pip install 'k3m-kg[train]'"


def test_the_commands_own_extra_is_enough() -> None:
    assert "'k3m-kg[kge]'" in str(missing_extra(absent("torch"), command="kge"))
    assert "'k3m-kg[train]'" in str(missing_extra(absent("tokenizers"), command="kge"))


@pytest.mark.parametrize(
    "error",
    [
        absent("torch._C"),
        absent("matplotlib.pyplott"),
        absent("k3m_kg.nowhere"),
        absent("acme"),
        ImportError("cannot import name 'x' from 'torch'", name="torch"),
    ],
    ids=str,
)
def test_a_broken_installation_and_a_bug_of_ours_are_no_missing_extra(error: ImportError) -> None:
    assert missing_extra(error) is None


@pytest.mark.usefixtures("bare")
def test_one_line_names_all_that_is_missing() -> None:
    assert lacking(("torch", "matplotlib")) == "pip install 'k3m-kg[train,plots]'"
    assert lacking(("torch", "pykeen"), "kge") == "pip install 'k3m-kg[kge]'"
    with pytest.raises(MissingExtraError, match=r"^this needs: pip install 'k3m-kg\[plots\]'$"):
        require("matplotlib", "json")


def test_a_plugins_own_module_is_named_as_it_is() -> None:
    assert lacking(["json"]) is None
    assert lacking(["nowhere_at_all"]) == "the module nowhere_at_all"


@pytest.mark.parametrize(("name", "code"), [("torch", 1), ("acme", bugs.EXIT_CODE)])
def test_the_command_line_ends_with_the_message_or_with_the_bug(
    name: str,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run() -> None:
        raise absent(name)

    monkeypatch.setattr(app, "app", run)
    monkeypatch.setattr(sys, "argv", ["k3m-kg", "pretrain"])
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert ended.value.code == code
    said = capsys.readouterr().err
    if name == "torch":
        assert said == "error: this needs: pip install 'k3m-kg[train]'\n"
    else:
        assert "this is a bug in k3m-kg: ModuleNotFoundError" in said
