"""The wheel works without the checkout: what is in it, what it says of itself, what it does."""

from __future__ import annotations

import email
import json
import tomllib
import zipfile
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from statistics import mean

import pytest

from tests.packaging.conftest import Environment
from tests.sources import ROOT

pytestmark = pytest.mark.slow


def files(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def metadata(wheel: Path) -> Message:
    (name,) = (name for name in files(wheel) if name.endswith(".dist-info/METADATA"))
    return email.message_from_bytes(zipfile.ZipFile(wheel).read(name))


def test_the_wheel_holds_the_package_and_its_plugins_and_nothing_else(wheel: Path) -> None:
    plugins = {folder.name for folder in (ROOT / "plugins").iterdir() if folder.is_dir()}
    names = {name for name in files(wheel) if ".dist-info/" not in name}
    assert {name.split("/")[0] for name in names} == {"k3m_kg", *plugins}
    inside = {name.split("/")[1] for name in names if name.startswith("k3m_kg/")}
    packages = {path.name for path in (ROOT / "k3m_kg").iterdir() if path.name != "__pycache__"}
    assert inside == packages | {"migrations", "schemas"}
    code = {name for name in names if name.endswith(".py")}
    pages = (
        *("k3m_kg/schemas/", "k3m_kg/serve/static/", "k3m_kg/serve/templates/"),
        "k3m_kg/scaffold/templates/",
    )
    other = {name for name in names - code if not name.startswith(pages)}
    assert other == {"k3m_kg/py.typed", "k3m_kg/migrations/script.py.mako"} & names
    assert "k3m_kg/py.typed" in names
    assert "k3m_kg/migrations/env.py" in names
    assert any(name.startswith("k3m_kg/schemas/") for name in names)
    served = {
        path.relative_to(ROOT).as_posix()
        for folder in ("serve/static", "serve/templates", "scaffold/templates")
        for path in (ROOT / "k3m_kg" / folder).rglob("*")
        if path.is_file()
    }
    assert served <= names


def test_every_source_file_is_in_the_wheel(wheel: Path) -> None:
    sources = {
        str(path.relative_to(top))
        for top, folder in ((ROOT, "k3m_kg"), (ROOT / "plugins", "."))
        for path in (top / folder).rglob("*.py")
    }
    assert sources <= files(wheel)


def test_the_metadata_says_what_it_is_and_where_to_read_on(wheel: Path) -> None:
    found = metadata(wheel)
    assert found["Name"] == "k3m-kg"
    assert found["License-Expression"] == "Apache-2.0"
    assert any(name.endswith("licenses/LICENSE") for name in files(wheel))
    assert found["Requires-Python"] == ">=3.11"
    classifiers = set(found.get_all("Classifier") or ())
    versions = ("3.11", "3.12", "3.13")
    assert {f"Programming Language :: Python :: {version}" for version in versions} <= classifiers
    assert "Typing :: Typed" in classifiers
    assert "RDF" in found["Keywords"]
    urls = dict(text.split(", ", 1) for text in found.get_all("Project-URL") or ())
    assert all(url.startswith("https://k3m-kg.org") for url in urls.values())
    assert "Homepage" in urls
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(found.get_all("Provides-Extra") or ()) == set(extras["optional-dependencies"])


def test_the_command_is_installed(environment: Callable[..., Environment]) -> None:
    env = environment()
    assert "k3m_kg.cli.app:main" in env.code(
        "from importlib.metadata import entry_points as found;"
        "print(*(e.value for e in found(group='console_scripts', name='k3m-kg')))"
    )
    assert env.command("--version").startswith("k3m-kg ")
    where = env.code("import k3m_kg, k3m_kg_fusion; print(k3m_kg.__file__, k3m_kg_fusion.__file__)")
    assert str(ROOT) not in where


def test_it_runs_the_demo(environment: Callable[..., Environment]) -> None:
    env = environment("train", "plots")
    result = json.loads(env.command("demo", "--products", "200", "--epochs", "1", "--json"))
    report = (env.folder / result["report"]).read_text(encoding="utf-8")
    for words in ("The ceiling", "When titles or images go missing", "Empty cells, completed"):
        assert words in report
    assert report.count("data:image/png;base64,") >= 3
    assert "<script" not in report
    assert 'src="http' not in report
    assert len(list((env.folder / "demo" / "plots").glob("*.png"))) == 3
    accuracy = {who: mean(found.values()) for who, found in result["accuracy"].items()}
    assert accuracy["ceiling"] > accuracy["ceiling without knowledge"] > accuracy["majority"] + 0.2
    assert set(accuracy) >= {"K3M", "without knowledge"}
    assert result["to_review"] > 100
