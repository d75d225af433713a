"""Sub-commands of other packages: run, listed, reported where they are broken, never in the way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from k3m_kg.cli.root import built_in_commands
from k3m_kg.plugin.registry import registry
from tests.sites import Site

HELLO = """
    from k3m_kg.api import CommandPlugin, UsageError, hookimpl

    def hello(name: str, times: int = 1):
        '''Greet somebody.'''
        if times < 1:
            raise UsageError("nobody is greeted less than once", hint="--times 1")
        print(times * f"hello {name} ")

    @hookimpl
    def k3m_kg_commands():
        return [CommandPlugin("NAME", "Greet somebody.", lambda: hello)]
"""
GROUP = """
    from k3m_kg.api import CommandPlugin, hookimpl

    def load():
        import typer
        app = typer.Typer(help="Two ways.")
        app.command("one")(lambda: print("first"))
        app.command("two")(lambda: print("second"))
        return app

    @hookimpl
    def k3m_kg_commands():
        return [CommandPlugin("ways", "Two ways.", load)]
"""
PROBE = """
import sys
from k3m_kg.cli.app import main
sys.argv = ["k3m-kg", "--help"]
try:
    main()
except SystemExit as ended:
    assert not ended.code
print([name for name in ("torch", "pydantic", "numpy", "sqlalchemy") if name in sys.modules])
"""


def hello(name: str = "acme-hello") -> str:
    return HELLO.replace("NAME", name)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_function_and_a_typer_application_become_commands(site: Site) -> None:
    site.install("acme-hello", "1.0", hello())
    site.install("acme-ways", "2.0", GROUP)
    done = site.run("acme-hello", "you", "--times", "2")
    assert (done.returncode, done.stdout.strip()) == (0, "hello you hello you")
    assert site.run("ways", "two").stdout.strip() == "second"
    assert "Greet somebody." in site.run("acme-hello", "--help").stdout
    text = site.run("--help").stdout
    assert "Greet somebody. (acme-hello)" in text
    assert text.index("ingest") < text.index("acme-hello")
    rows = json.loads(site.run("plugins", "list", "--kind", "command", "--json").stdout)
    assert {("ways", "acme-ways"), ("ingest", "k3m-kg")} <= {
        (row["name"], row["package"]) for row in rows
    }
    assert "acme-ways 2.0" in site.run("plugins", "show", "ways").stdout


def test_an_error_of_a_command_is_a_message(site: Site) -> None:
    site.install("acme-hello", "1.0", hello())
    done = site.run("acme-hello", "you", "--times", "0")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "error: nobody is greeted less than once"


def test_a_module_that_fails_to_import_is_named_and_takes_nothing_down(site: Site) -> None:
    site.install("acme-broken", "0.3", "import a_module_that_is_not_there")
    site.install("acme-hello", "1.0", hello())
    done = site.run("--help")
    assert done.returncode == 0
    assert "acme-broken 0.3 was not loaded: ModuleNotFoundError" in done.stderr
    assert site.run("acme-hello", "you").stdout.strip() == "hello you"
    done = site.run("init", "--db", "sqlite:///g.db", cwd=site.folder)
    assert done.returncode == 0, done.stderr
    assert "acme" not in done.stderr


def test_a_command_that_fails_to_load_is_named_when_it_is_asked_for(site: Site) -> None:
    site.install("acme-hello", "1.0", hello().replace("lambda: hello", "lambda: 1 / 0"))
    assert site.run("--help").returncode == 0
    done = site.run("acme-hello", "you")
    assert done.returncode == 1
    assert "acme-hello 1.0: the command 'acme-hello' cannot be loaded: Zero" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_name_of_a_built_in_command_is_taken(site: Site) -> None:
    site.install("acme-hello", "1.0", hello("ingest"))
    for words in (("--help",), ("plugins", "list")):
        done = site.run(*words)
        assert done.returncode == 1
        assert "two plugins provide the command 'ingest'" in done.stderr
        assert {"acme-hello", "k3m-kg"} <= set(done.stderr.split())
    assert site.run("--help", K3M_KG_PLUGINS="").returncode == 0


def test_an_unknown_command_is_told_the_nearest_of_all(site: Site) -> None:
    site.install("acme-hello", "1.0", hello())
    done = site.run("acme-helo", "you")
    assert done.returncode == 2
    assert "Did you mean 'acme-hello'?" in done.stderr


def test_help_with_a_plugin_imports_nothing_heavy(site: Site) -> None:
    site.install("acme-hello", "1.0", hello())
    done = site.python(PROBE)
    assert done.returncode == 0, done.stderr
    assert "acme-hello" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_built_in_commands_come_through_the_same_hook() -> None:
    assert set(registry().names("command")) >= set(built_in_commands())
    for name, command in built_in_commands().items():
        assert command.help, name


def test_a_command_beside_other_plugins_of_its_module_is_found(site: Site) -> None:
    more = """
    @hookimpl
    def k3m_kg_readers():
        return []
    """
    site.install("acme-hello", "1.0", hello() + more)
    assert site.run("acme-hello", "you").stdout.strip() == "hello you"
