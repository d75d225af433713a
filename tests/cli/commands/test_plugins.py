"""`k3m-kg plugins` lists what is installed and shows its settings."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from k3m_kg.cli.app import app
from k3m_kg.errors import UsageError
from k3m_kg.plugin.registry import KINDS


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["plugins", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_json_list_has_kind_name_summary_package_and_version() -> None:
    rows = json.loads(run("list", "--json"))
    assert {row["kind"] for row in rows} == set(KINDS)
    assert all(set(row) >= {"kind", "name", "summary", "package", "version"} for row in rows)
    assert {row["package"] for row in rows} >= {"k3m-kg"}
    assert {(row["kind"], row["name"]) for row in rows} >= {
        ("fusion", "mean"),
        ("fusion", "soft-spl"),
        ("fusion", "hard-spl"),
        ("fusion", "interactive-only"),
        ("image-encoder", "patch-vit"),
        ("text-encoder", "bert-wordpiece"),
        ("task", "mlm"),
        ("task", "mom"),
        ("task", "lpm"),
        ("reader", "csv"),
        ("reader", "k3m-tsv"),
    }


def test_table_is_what_the_bare_command_prints() -> None:
    assert run() == run("list")
    assert "hard-spl" in run()


def test_one_kind_only() -> None:
    rows = json.loads(run("list", "--kind", "fusion", "--json"))
    assert {row["kind"] for row in rows} == {"fusion"}


def test_unknown_kind_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean 'fusion'"):
        run("list", "--kind", "fusoin")


def test_show_gives_types_defaults_and_meanings() -> None:
    shown = json.loads(run("show", "hard-spl", "--json"))
    assert (shown["kind"], shown["package"]) == ("fusion", "k3m-kg")
    setting = {row["name"]: row for row in shown["settings"]}["temperature"]
    assert (setting["type"], setting["default"]) == ("number (> 0)", "1.0")
    assert setting["meaning"]
    text = run("show", "hard-spl")
    assert "temperature" in text
    assert "k3m-kg" in text


def test_every_built_in_setting_has_a_meaning() -> None:
    for row in json.loads(run("list", "--json")):
        if row["package"] == "k3m-kg":
            shown = json.loads(run("show", row["name"], "--kind", row["kind"], "--json"))
            assert all(setting["meaning"] for setting in shown["settings"]), row["name"]


def test_show_of_a_reader_says_that_it_has_no_settings() -> None:
    assert "It takes no settings." in run("show", "csv")


def test_unknown_plugin_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean 'hard-spl'"):
        run("show", "hard-sple")
