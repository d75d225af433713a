"""`k3m-kg snapshot` as a user sees it: what it prints, and how it ends."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from k3m_kg.snapshot import Snapshot

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def catalog(tmp_path: Path, run: Command) -> str:
    """The URL of a graph with 30 products, each with a title, two triples and a picture."""
    (tmp_path / "images").mkdir()
    rng = np.random.default_rng(0)
    with (tmp_path / "catalog.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "title", "image", "colour", "size"])
        for number in range(30):
            name = f"{number}.png"
            pixels = rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / name)
            writer.writerow([number, f"Shirt {number}", name, f"c{number % 3}", number % 4])
    mapping = "id: id\ntitle: title\nimage: image\nproperties: [colour, size]\n"
    (tmp_path / "mapping.yaml").write_text(mapping)
    url = f"sqlite:///{tmp_path / 'graph.db'}"
    options = ["--mapping", tmp_path / "mapping.yaml", "--images", tmp_path / "images"]
    code, _, err = run("ingest", tmp_path / "catalog.csv", "--db", url, *options)
    assert code == 0, err
    return url


def test_says_what_was_cut_and_where_it_is(run: Command, catalog: str, tmp_path: Path) -> None:
    code, out, err = run("snapshot", "--db", catalog, tmp_path / "snapshots")
    assert (code, err) == (0, "")
    assert "30 products, 60 triples (2 properties, 7 values), 30 images (30 distinct)" in out
    snapshot = Snapshot.open(tmp_path / "snapshots")
    assert str(snapshot.path) in out
    assert snapshot.image(0) is not None
    code, out, err = run("snapshot", "--db", catalog, tmp_path / "snapshots")
    assert (code, err) == (0, "")
    assert "nothing rewritten" in out


def test_json_is_one_object_and_notes_go_to_standard_error(
    run: Command, catalog: str, tmp_path: Path
) -> None:
    (tmp_path / "images" / "7.png").unlink()
    code, out, err = run("snapshot", "--db", catalog, "--json", tmp_path / "snapshots")
    assert code == 0
    report = json.loads(out)
    assert report["products"] == 30
    assert report["images"] == 29
    assert report["written"] is True
    assert sum(report["split"].values()) == 30
    assert report["missing"] == {"title": 0, "category": 30, "triples": 0, "image": 1}
    assert Snapshot.open(report["path"]).id == report["id"]
    assert "1 pictures left out: file is gone since it was ingested (products 7)" in err


def test_the_order_of_the_catalog_does_not_matter(
    run: Command, catalog: str, tmp_path: Path
) -> None:
    header, *rows = (tmp_path / "catalog.csv").read_text().splitlines()
    (tmp_path / "catalog.csv").write_text("\n".join([header, *reversed(rows)]) + "\n")
    other = f"sqlite:///{tmp_path / 'other.db'}"
    options = ["--mapping", tmp_path / "mapping.yaml", "--images", tmp_path / "images"]
    assert run("ingest", tmp_path / "catalog.csv", "--db", other, *options)[0] == 0
    reports = []
    for number, url in enumerate((catalog, other)):
        folder = tmp_path / f"snapshots{number}"
        reports.append(json.loads(run("snapshot", "--db", url, "--json", folder)[1]))
    assert reports[0]["id"] == reports[1]["id"]
    first, second = (Path(report["path"]) for report in reports)
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes(), path.name


def test_a_split_file_and_other_choices_are_taken(
    run: Command, catalog: str, tmp_path: Path
) -> None:
    sides = ["train"] * 20 + ["valid"] * 4 + ["test"] * 6
    lines = [f"{number},{side}" for number, side in enumerate(sides)]
    (tmp_path / "split.csv").write_text("\n".join(["id,split", *lines]))
    options = ["--split-file", tmp_path / "split.csv", "--holdout", "0.3", "--image-size", "16"]
    code, out, _ = run("snapshot", "--db", catalog, *options, "--json", tmp_path / "snapshots")
    report = json.loads(out)
    assert code == 0
    assert report["split"] == {"train": 20, "validation": 4, "test": 6}
    assert sum(report["holdout"].values()) > 0
    image = Snapshot.open(report["path"]).image(0)
    assert image is not None
    assert image.size == (16, 16)


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--validation", "0.6", "--test", "0.5"], 2, "leave nothing to train"),
        (["--holdout", "1.5"], 2, "holdout"),
        (["--image-size", "2"], 2, "image_size"),
        (["--seed", "-1"], 2, "seed"),
        (["--split-file", "none.csv"], 1, "no such split file"),
        (["--split-file", "none.csv", "--test", "0.1"], 2, "have no meaning"),
        (["--db", "sqlite:////nowhere/graph.db"], 1, "no such database"),
        (["--unknown"], 2, "--unknown"),
    ],
)
def test_wrong_use_is_one_message_and_an_exit_code(
    run: Command, catalog: str, tmp_path: Path, options: list[str], code: int, message: str
) -> None:
    found, out, err = run("snapshot", "--db", catalog, *options, tmp_path / "snapshots")
    assert (found, out) == (code, "")
    assert message in err
    assert "Traceback" not in err
    assert not (tmp_path / "snapshots" / "latest").exists()


def test_out_that_is_a_file_is_one_message(run: Command, catalog: str, tmp_path: Path) -> None:
    (tmp_path / "some.csv").write_text("id\n")
    code, out, err = run("snapshot", "--db", catalog, tmp_path / "some.csv")
    assert (code, out) == (1, "")
    assert "choose a folder, not a file" in err


def test_a_graph_without_products_says_what_fills_it(run: Command, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    assert run("init", "--db", url)[0] == 0
    code, out, err = run("snapshot", "--db", url, tmp_path / "snapshots")
    assert (code, out) == (1, "")
    assert "no products" in err
    assert "k3m-kg ingest" in err


@pytest.mark.realdata
def test_the_fashion_catalog_takes_the_split_that_is_reported_on(
    run: Command, data_dir: Path, tmp_path: Path
) -> None:
    folder = data_dir / "fashion"
    mapping = Path(__file__).parents[4] / "examples" / "fashion" / "mapping.yaml"
    url = f"sqlite:///{tmp_path / 'fashion.db'}"
    source = folder / "styles.csv"
    quarantine = ["--quarantine", tmp_path / "rejected.jsonl"]
    assert run("ingest", source, "--db", url, "--mapping", mapping, *quarantine)[0] == 0
    split = ["--split-file", folder / "split.csv"]
    code, out, err = run("snapshot", "--db", url, *split, "--json", tmp_path / "snapshots")
    # The split was drawn by equal titles; these differ in white space or case alone.
    assert (code, err) == (0, "note: 9 titles are shared by products of different splits\n")
    report = json.loads(out)
    assert report["split"] == {"train": 7_247, "validation": 950, "test": 1_386}
    assert (report["products"], report["triples"], report["images"]) == (9_583, 76_653, 9_583)
    snapshot = Snapshot.open(report["path"])
    with source.open(newline="") as stream:
        row = next(csv.DictReader(stream))
    product = snapshot.product(int(snapshot.row_of([row["id"]])[0]))
    assert product.title == row["productDisplayName"]
    assert ("baseColour", row["baseColour"]) in product.properties
