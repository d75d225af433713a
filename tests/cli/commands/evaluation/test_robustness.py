"""`k3m-kg robustness` as a user sees it."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import Command
from tests.robustness.tiny import tiny_config, tiny_snapshot

GRID = ("--models", "k3m,linear", "--tasks", "classification:kind", "--corruptions", "TNR,KMR")
SMALL = ("--ratios", "0,0.5,1", "--products", "15", "--device", "cpu")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    path = folder / "run.yaml"
    path.write_text(yaml.safe_dump(tiny_config(tiny_snapshot(folder).path)))
    return path


def test_a_grid_in_two_processes_and_what_it_leaves(
    run: Command, config: Path, tmp_path: Path
) -> None:
    out = tmp_path / "grid"
    words = ("robustness", config, "--out", out, *GRID, *SMALL)
    code, said, err = run(*words, "--models", "k3m", "--seeds", 2, "--workers", 2)
    assert code == 0, err
    assert "nobody to compare it with" in said
    assert "tasks: classification:kind" in err
    assert "corruptions: TNR, KMR of 50, 100 % of the products" in err
    assert "to do: 2 of 2 trainings, 6 of 6 cells" in err
    code, said, err = run(*words, "--seeds", 2, "--workers", 1)
    assert code == 0, err
    assert "k3m against linear (the best other), clean to 100 %: " in said.splitlines()[0]
    assert "k3m against the best other model of each cell" in said.splitlines()[1]
    assert said.splitlines()[2] == str(out / "report.html")
    with (out / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    cells = {(row["model"], row["corruption"], row["ratio"]) for row in rows}
    harmed = [(name, ratio) for name in ("TNR", "KMR") for ratio in ("0.5", "1.0")]
    expected = [("clean", "0.0"), *harmed]
    assert cells == {(model, *cell) for model in ("k3m", "linear") for cell in expected}
    assert {row["seeds"] for row in rows if row["model"] == "k3m"} == {"2"}
    found = json.loads((out / "results.json").read_text())
    assert (found["cells_missing"], found["products"]) == (0, 15)
    assert found["corrupted"]["TNR"]["applied"][0]["ratio"] == 1
    assert {fall["corruption"] for fall in found["falls"]} == {"TNR", "KMR"}
    assert found["tasks"]["classification:kind"]["questions"] == 15
    with (out / "falls.csv").open(newline="") as file:
        assert [row["against"] for row in csv.DictReader(file)] == ["linear", "linear"]
    table = (out / "results.md").read_text()
    assert "## classification:kind, TNR: title of another product" in table
    page = (out / "report.html").read_text()
    assert page.count("<img ") == 3  # a panel for each corruption, and bars
    assert "http" not in page.replace("http-equiv", "")
    assert len(list((out / "plots").glob("*.png"))) == 3

    code, said, _ = run(*words, "--seeds", 2, "--workers", 1, "--json")
    again = json.loads(said)
    assert (code, again["rows"]) == (0, found["rows"])

    code, _, err = run(*words, "--seeds", 2, "--set", "fusion=mean")
    assert code == 2
    assert "another config" in err
    assert "--fresh" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--models", "k3n"), "Did you mean 'k3m'"),
        (("--models", "linear"), "must be among the models"),
        (("--tasks", "classification:kinds"), "kinds"),
        (("--tasks", "clasification"), "classification"),
        (("--corruptions", "TMN"), "TNR"),
        (("--corruptions", "TRM"), "Did you mean 'TMR'"),
        (("--models", "linear", "--tasks", "classification:Color"), "such as k3m-evidence"),
        (("--models", "linear", "--tasks", "classification:Color"), "property 'Color'"),
        (("--ratios", "0,2"), "from 0 to 1"),
        (("--ratios", "half"), "number"),
    ],
)
def test_what_cannot_be_asked_is_said_before_anything_is_trained(
    run: Command, config: Path, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    code, out, err = run("robustness", config, "--out", tmp_path / "grid", *words)
    assert (code, out) == (2, "") or "config" in err or code == 1
    assert message in err
    assert not (tmp_path / "grid" / "models").exists()


def test_options_are_read_before_anything_heavy_is_loaded(config: Path, tmp_path: Path) -> None:
    """In a process of its own: which modules it has by the time of the message."""
    code = (
        "import sys; from k3m_kg.cli.app import main\n"
        "try: main()\n"
        "except SystemExit: print(','.join(n for n in ('torch', 'sklearn') if n in sys.modules))"
    )
    for words in (
        ("robustness", config, "--out", tmp_path / "grid", "--corruptions", "TRM"),
        ("evaluate", tmp_path / "none", "--corrupt", "TMR:50"),
    ):
        found = subprocess.run(
            [sys.executable, "-c", code, *map(str, words)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert found.stdout.strip() == "", found.stdout
        assert "TMR" in found.stderr
