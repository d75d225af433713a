"""Plugins of other packages: found, named when they are broken, and never in the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from k3m_kg.config import Component
from k3m_kg.errors import ConfigError, PluginError, UsageError
from k3m_kg.plugin.hookspecs import FusionPlugin
from k3m_kg.plugin.registry import Registry, load_registry
from tests.sites import Site

FUSION = """
    from k3m_kg.api import FusionPlugin, Settings, hookimpl

    @hookimpl
    def k3m_kg_fusions():
        return [FusionPlugin("{name}", "made up", Settings, lambda settings, context: None)]
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_outside_plugin_is_listed_with_its_package(site: Site) -> None:
    site.install("acme-fuse", "1.2", FUSION.format(name="acme"))
    rows = json.loads(site.run("plugins", "list", "--json").stdout)
    assert {
        "kind": "fusion",
        "name": "acme",
        "summary": "made up",
        "package": "acme-fuse",
        "version": "1.2",
        "needs": None,
    } in rows
    assert {row["name"] for row in rows} >= {"hard-spl", "mean", "patch-vit", "bert-wordpiece"}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_module", "No module named 'no_such_module'"),
        ("raise RuntimeError('two\\nlines')", "lines"),
        ("def broken(:", "SyntaxError"),
        ("import sys; sys.exit('I quit')", "I quit"),
        ("def k3m_kg_fusions(): return []", "no function in it has @hookimpl"),
    ],
)
def test_plugin_that_does_not_load_is_named_and_the_rest_goes_on(
    site: Site, source: str, reason: str
) -> None:
    site.install("broken-one", "0.3", source)
    site.install("good-one", "1.0", FUSION.format(name="good"))
    done = site.run("plugins", "list", "--json")
    assert done.returncode == 0
    assert "good" in {row["name"] for row in json.loads(done.stdout)}
    assert "warning: plugin 'main' of broken-one 0.3 was not loaded" in done.stderr
    assert reason in done.stderr


def test_unknown_name_mentions_what_did_not_load(site: Site) -> None:
    site.install("broken-one", "0.3", "import no_such_module")
    done = site.run("plugins", "show", "broken")
    assert done.returncode == 2
    assert "broken-one 0.3 was not loaded" in done.stderr


def test_missing_object_in_the_module_is_named(site: Site) -> None:
    site.install("half-one", "1.0", FUSION.format(name="half"), "main = half_one:nothing")
    done = site.run("plugins", "list")
    assert done.returncode == 0
    assert "half-one 1.0 was not loaded" in done.stderr


def test_a_plugin_that_needs_an_extra_of_ours_says_which(site: Site) -> None:
    source = "raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')"
    site.install("acme-plugin", "1.0", source)
    done = site.run("plugins", "list")
    assert (
        "of acme-plugin 1.0 was not loaded: this needs: pip install 'k3m-kg[train]'" in done.stderr
    )


def test_a_record_is_listed_with_the_module_that_it_lacks(site: Site) -> None:
    source = FUSION.format(name="acme-fusion").replace(": None)", ': None, requires=("nowhere",))')
    site.install("acme-plugin", "1.0", source)
    rows = json.loads(site.run("plugins", "list", "--json").stdout)
    assert [row["name"] for row in rows if row["needs"]] == ["acme-fusion"]
    shown = site.run("plugins", "show", "acme-fusion").stdout
    assert "not usable yet; this needs: the module nowhere" in shown


def test_hook_that_raises_is_named(site: Site) -> None:
    site.install("late-one", "2.0", FUSION.replace("return [", "return [1 / 0, "))
    done = site.run("plugins", "list")
    assert done.returncode == 0
    assert "late-one 2.0 was not loaded: ZeroDivisionError" in done.stderr


def test_name_clash_names_both_packages(site: Site) -> None:
    site.install("first-one", "1.0", FUSION.format(name="twin"))
    site.install("second-one", "2.0", FUSION.format(name="twin"))
    done = site.run("plugins", "list")
    assert done.returncode == 1
    assert "the fusion 'twin'" in done.stderr
    assert "first-one 1.0" in done.stderr
    assert "second-one 2.0" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_clash_with_a_built_in_name_is_one_too(site: Site) -> None:
    site.install("first-one", "1.0", FUSION.format(name="mean"))
    done = site.run("plugins", "list")
    assert done.returncode == 1
    assert "k3m-kg" in done.stderr
    assert "first-one 1.0" in done.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.replace("k3m_kg_fusions", "k3m_kg_fusion"), "did you mean 'k3m_kg_fusions'?"),
        (lambda s: s.replace("k3m_kg_fusions()", "k3m_kg_fusions(model)"), "Argument(s) {'model'}"),
        (lambda s: s.replace("return [", "return ["[:-1]).replace(")]", ")"), "must return a list"),
        (lambda s: s.replace("k3m_kg_fusions", "k3m_kg_tasks"), "a list of TaskPlugin"),
    ],
)
def test_wrong_hook_is_an_error_that_names_the_package(
    site: Site, change: Callable[[str], str], message: str
) -> None:
    site.install("wrong-one", "0.1", change(FUSION.format(name="x")))
    done = site.run("plugins", "list")
    assert done.returncode == 1
    assert "wrong-one 0.1" in done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_limit_variable_names_the_packages_that_load(site: Site) -> None:
    site.install("acme-one", "1.0", FUSION.format(name="one"))
    site.install("acme-two", "1.0", FUSION.format(name="two"))
    site.install("broken-one", "0.3", "import no_such_module")
    assert site.names() >= {"one", "two", "mean"}
    assert "two" not in site.names(K3M_KG_PLUGINS="Acme_One")
    assert site.names(K3M_KG_PLUGINS="Acme_One, other") >= {"one", "mean"}
    assert not site.names(K3M_KG_PLUGINS="") & {"one", "two"}
    assert site.run("plugins", "list", K3M_KG_PLUGINS="").stderr == ""


def test_each_hook_that_is_called_can_be_seen(site: Site) -> None:
    site.install("acme-one", "1.0", FUSION.format(name="one"))
    site.install("broken-one", "0.3", "import no_such_module")
    lines = site.run("plugins", "list", K3M_KG_TRACE_PLUGINS="1").stderr.splitlines()
    told = [line.rpartition(" (")[0] for line in lines if line.startswith("plugins: ")]
    assert "plugins: acme_one of acme-one 1.0 loaded" in told
    assert "plugins: k3m_kg_fusions() of acme-one 1.0: one" in told
    assert any(line.startswith("plugins: broken_one of broken-one 0.3 failed: ") for line in told)
    assert "plugins:" not in site.run("plugins", "list", K3M_KG_TRACE_PLUGINS="0").stderr


def test_two_entry_points_to_one_module_count_once(site: Site) -> None:
    site.install("twice-one", "1.0", FUSION.format(name="x"), "a = twice_one", "b = twice_one")
    assert "x" in site.names()


def test_unknown_name_lists_choices_and_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        load_registry().get(FusionPlugin, "hard-spi")
    assert "Did you mean 'hard-spl'?" in str(caught.value)
    assert "interactive-only, mean, soft-spl" in str(caught.value)


def test_component_settings_are_checked_by_the_plugin() -> None:
    component = Component(name="hard-spl", settings={"temperatur": 1})
    with pytest.raises(ConfigError, match="did you mean 'temperature'"):
        load_registry().settings("fusion", component, "run.yaml: fusion")


def test_adding_one_name_twice_is_an_error() -> None:
    mean = load_registry().find("fusion", "mean").record
    registry = Registry()
    registry.add(mean, "one", "1")
    with pytest.raises(PluginError, match="one 1 and two 2"):
        registry.add(mean, "two", "2")


def test_everything_built_in_loads() -> None:
    assert load_registry().failures == []


def test_a_reader_of_the_old_kind_is_named_with_what_to_change(site: Site, tmp_path: Path) -> None:
    site.install(
        "old-reader",
        "0.9",
        """
        from k3m_kg.api import ReaderPlugin, hookimpl

        @hookimpl
        def k3m_kg_readers():
            return [ReaderPlugin("old", "without settings", lambda: None)]
        """,
    )
    (tmp_path / "a.old").write_text("old")
    for command in (("plugins", "list"), ("ingest", str(tmp_path / "a.old"))):
        said = site.run(*command).stderr
        assert "of old-reader 0.9 was not loaded: the reader 'old' has no settings class" in said
        assert "ReaderPlugin(name, summary, config, factory)" in said
