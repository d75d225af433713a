"""The wheel works without the checkout: built, installed into a clean environment, used."""

from __future__ import annotations

import json
import os
import site
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from statistics import mean

import pytest

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = folder.glob("k3m_kg-*.whl")
    return path


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel; dependencies come from this one, the checkout does not."""
    home = tmp_path_factory.mktemp("clean")
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    (packages,) = home.glob("lib/python*/site-packages")
    install = (sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index")
    subprocess.run([*install, "--target", packages, wheel], check=True)
    dependencies = [*site.getsitepackages(), *(p for p in sys.path if p.endswith("site-packages"))]
    # Plain path lines: the .pth files in there, and the editable checkout with them, stay unread.
    lines = dict.fromkeys(str(Path(path)) for path in dependencies)
    (packages / "dependencies.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return python


def run(python: Path, folder: Path, *arguments: str) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "K3M_KG_DB")}
    done = subprocess.run(
        [python, "-P", "-c", "from k3m_kg.cli.app import main; main()", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_one_wheel_holds_everything(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {
        "k3m_kg",
        "k3m_kg_fusion",
        "k3m_kg_tasks",
        "k3m_kg_text",
        "k3m_kg_vision",
    }
    assert "k3m_kg/py.typed" in names
    assert "k3m_kg/migrations/env.py" in names
    assert any(name.startswith("k3m_kg/schemas/") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_checkout_is_not_seen(python: Path, tmp_path: Path) -> None:
    code = "import k3m_kg, k3m_kg_fusion; print(k3m_kg.__file__, k3m_kg_fusion.__file__)"
    done = subprocess.run(
        [python, "-P", "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert str(ROOT) not in done.stdout
    assert str(python.parent.parent) in done.stdout


def test_the_command_is_installed(python: Path, tmp_path: Path) -> None:
    code = (
        "from importlib.metadata import entry_points as found;"
        "print(*(e.value for e in found(group='console_scripts', name='k3m-kg')))"
    )
    done = subprocess.run(
        [python, "-P", "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert "k3m_kg.cli.app:main" in done.stdout


def test_it_initialises_ingests_and_cuts(python: Path, tmp_path: Path) -> None:
    assert run(python, tmp_path, "--version").startswith("k3m-kg ")
    rows = json.loads(run(python, tmp_path, "plugins", "list", "--json"))
    assert {"hard-spl", "patch-vit", "bert-wordpiece", "lpm", "csv"} <= {r["name"] for r in rows}
    run(python, tmp_path, "init")
    run(python, tmp_path, "migrate")
    lines = ["id,name,colour", *(f"{n},cup {n},{'red' if n % 2 else 'blue'}" for n in range(30))]
    (tmp_path / "catalog.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "mapping.yaml").write_text("{id: id, title: name, properties: [colour]}\n")
    counts = json.loads(
        run(python, tmp_path, "ingest", "catalog.csv", "--mapping", "mapping.yaml", "--json")
    )
    assert (counts["products_added"], counts["triples_added"]) == (30, 30)
    assert json.loads(run(python, tmp_path, "status", "--json"))["products"] == 30
    assert json.loads(run(python, tmp_path, "snapshot", "cuts", "--json"))["products"] == 30


def test_it_runs_the_demo(python: Path, tmp_path: Path) -> None:
    result = json.loads(
        run(python, tmp_path, "demo", "--products", "200", "--epochs", "1", "--json")
    )
    report = (tmp_path / result["report"]).read_text(encoding="utf-8")
    for words in ("The ceiling", "When titles or images go missing", "Empty cells, completed"):
        assert words in report
    assert report.count("data:image/png;base64,") >= 3
    assert "<script" not in report
    assert 'src="http' not in report
    assert len(list((tmp_path / "demo" / "plots").glob("*.png"))) == 3
    accuracy = {who: mean(found.values()) for who, found in result["accuracy"].items()}
    assert accuracy["ceiling"] > accuracy["ceiling without knowledge"] > accuracy["majority"] + 0.2
    assert set(accuracy) >= {"K3M", "without knowledge"}
