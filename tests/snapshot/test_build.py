"""What a build promises: the same bytes, all or nothing, nothing lost on the way."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from k3m_kg.errors import ConfigError, SnapshotError
from k3m_kg.graph.stored import StoredImage
from k3m_kg.snapshot import Snapshot, SnapshotSettings, build_snapshot
from tests.processes import ended

from .conftest import MemoryStore, photo, picture_of, product


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_keeps_every_product_triple_and_picture(store: MemoryStore, tmp_path: Path) -> None:
    snapshot = build_snapshot(store, tmp_path / "out").snapshot
    assert len(snapshot) == len(store.products)
    for row, expected in enumerate(store.products):
        found = snapshot.product(row)
        assert (found.id, found.title, found.category) == (
            expected.id,
            expected.title,
            expected.category,
        )
        of_category = (("category", expected.category),) if expected.category else ()
        assert found.properties == expected.triples + of_category
        assert found.images == tuple(image.content_hash for image in expected.images)
        for position in range(len(expected.images)):
            assert snapshot.image(row, position) is not None
        assert snapshot.image(row, len(expected.images)) is None
    assert snapshot.manifest["counts"]["images"] == len(snapshot.image_thumbnail)


def test_what_binds_a_group_too_large_for_its_side_is_told(tmp_path: Path) -> None:
    pictures, titles = set(), set()
    for seed in range(12):
        settings = SnapshotSettings(seed=seed)
        logo = picture_of(photo(tmp_path / "logo.png", 7))
        shared = [product(f"p{n}", f"title {n}", (), (logo,)) for n in range(8)]
        store = MemoryStore([*shared, product("q", "alone")])
        notes = build_snapshot(store, tmp_path / "a", settings).notes
        pictures |= {note["message"] for note in notes}
        store = MemoryStore([product(f"p{n}", "Mug") for n in range(8)])
        notes = build_snapshot(store, tmp_path / "b", settings).notes
        titles |= {note["message"] for note in notes}
    assert any(
        "8 products of the largest such group share the picture 'logo.png', as 'p0'" in text
        for text in pictures
    )
    assert any("share the title 'Mug', as 'p0' does" in text for text in titles)


def test_the_category_is_a_triple_once_and_only_if_it_is_wanted(tmp_path: Path) -> None:
    store = MemoryStore(
        [
            product("a", "A", (("size", "1"),), (), "mugs"),
            product("b", "B", (("category", "mugs"),), (), "mugs"),
            product("c", "C", (("category", "sale"),), (), None),
        ]
    )
    settings = SnapshotSettings(holdout=0)
    found = build_snapshot(store, tmp_path / "one", settings).snapshot
    assert [found.product(row).properties for row in range(3)] == [
        (("size", "1"), ("category", "mugs")),
        (("category", "mugs"),),
        (("category", "sale"),),
    ]
    plain = settings.model_copy(update={"category": False})
    found = build_snapshot(store, tmp_path / "two", plain).snapshot
    assert found.product(0).properties == (("size", "1"),)
    assert found.has_categories


def test_missing_is_null_and_never_an_empty_text(tmp_path: Path) -> None:
    store = MemoryStore([product("bare"), product("full", "T", (("p", "v"),), (), "c")])
    snapshot = build_snapshot(store, tmp_path).snapshot
    assert snapshot.titles.to_pylist() == [None, "T"]
    assert snapshot.categories.to_pylist() == [None, "c"]
    assert snapshot.image(0) is None
    missing = snapshot.manifest["counts"]["missing"]
    assert missing == {"title": 1, "category": 1, "triples": 1, "image": 2}


def test_terms_are_numbered_in_ascending_order_of_their_text(tmp_path: Path) -> None:
    triples = (("Größe", "10"), ("size", "é"), ("size", "z"), ("颜色", "9"), ("size", "😀"))
    snapshot = build_snapshot(MemoryStore([product("a", None, triples)]), tmp_path).snapshot
    assert snapshot.properties == sorted({name for name, _ in triples})
    assert snapshot.values == sorted({value for _, value in triples})
    assert snapshot.product(0).properties == triples


def test_same_graph_and_settings_give_the_same_bytes(store: MemoryStore, tmp_path: Path) -> None:
    first = build_snapshot(store, tmp_path / "one").snapshot
    random.Random(7).shuffle(store.products)
    second = build_snapshot(store, tmp_path / "two").snapshot
    assert first.id == second.id
    assert contents(first.path) == contents(second.path)


def test_another_seed_is_another_snapshot(store: MemoryStore, tmp_path: Path) -> None:
    first = build_snapshot(store, tmp_path, SnapshotSettings(seed=1)).snapshot
    second = build_snapshot(store, tmp_path, SnapshotSettings(seed=2)).snapshot
    assert first.id != second.id
    assert Snapshot.open(tmp_path).id == second.id
    assert Snapshot.open(first.path).id == first.id


def test_same_content_is_not_written_again(store: MemoryStore, tmp_path: Path) -> None:
    first = build_snapshot(store, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in first.snapshot.path.iterdir()}
    second = build_snapshot(store, tmp_path)
    assert (first.written, second.written) == (True, False)
    assert before == {path: path.stat().st_mtime_ns for path in first.snapshot.path.iterdir()}


def test_a_damaged_snapshot_of_the_same_content_is_replaced(
    store: MemoryStore, tmp_path: Path
) -> None:
    first = build_snapshot(store, tmp_path).snapshot
    (first.path / "split.npy").write_bytes(b"x" * (first.path / "split.npy").stat().st_size)
    again = build_snapshot(store, tmp_path)
    assert again.written
    again.snapshot.verify()


def test_pictures_with_equal_bytes_are_stored_once(store: MemoryStore, tmp_path: Path) -> None:
    snapshot = build_snapshot(store, tmp_path / "out").snapshot
    assert snapshot.thumbnail_count == 12
    assert len(snapshot.image_thumbnail) > 12


def test_a_picture_that_is_gone_or_changed_is_absent_and_counted(make_photo, tmp_path) -> None:
    gone, changed, kept = (picture_of(make_photo(f"{k}.png", k)) for k in range(3))
    Path(gone.path).unlink()
    Path(changed.path).write_bytes(b"something else")
    remote = StoredImage("https://shop.example/x.jpg", None, None, None, None, None)
    broken = StoredImage("b.jpg", "/b.jpg", None, None, None, "not a picture")
    store = MemoryStore(
        [product("a", images=(gone, kept, remote)), product("b", images=(changed, broken))]
    )
    built = build_snapshot(store, tmp_path / "out")
    assert built.snapshot.image_offsets.tolist() == [0, 1, 1]
    assert built.snapshot.product(0).images == (kept.content_hash,)
    notes = {item["message"]: item["products"] for item in built.notes if "products" in item}
    assert notes == {
        "1 pictures left out: file is gone since it was ingested": ["a"],
        "1 pictures left out: file changed since it was ingested": ["b"],
        "1 pictures that the ingest could not use: not a local file": ["a"],
        "1 pictures that the ingest could not use: not a picture": ["b"],
    }


def test_a_copy_elsewhere_stands_in_for_a_picture_that_is_gone(make_photo, tmp_path) -> None:
    first, second = picture_of(make_photo("a.png", 1)), picture_of(make_photo("b.png", 1))
    Path(first.path).unlink()
    store = MemoryStore([product("a", images=(first,)), product("b", images=(second,))])
    built = build_snapshot(store, tmp_path / "out")
    assert built.snapshot.image(0) is not None
    assert built.snapshot.thumbnail_count == 1


def test_many_products_span_several_batches(tmp_path: Path) -> None:
    store = MemoryStore([product(f"{n:06}", f"t{n}", (("p", str(n % 50)),)) for n in range(40_000)])
    stages: list[tuple[str, int, int | None]] = []
    built = build_snapshot(store, tmp_path, progress=lambda *step: stages.append(step))
    snapshot = built.snapshot
    rows = np.random.default_rng(0).integers(0, 40_000, 200)
    assert [snapshot.product(int(row)).title for row in rows] == [f"t{row}" for row in rows]
    ids = [f"{row:06}" for row in rows]
    assert snapshot.row_of(ids).tolist() == rows.tolist()
    assert snapshot.row_of(ids * 20).tolist() == rows.tolist() * 20
    assert list(snapshot.ids) == [item.id for item in store.products]
    assert ("products", 40_000, None) in stages


def test_refuses_a_graph_without_products(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="no products"):
        build_snapshot(MemoryStore(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_refuses_a_stream_that_is_not_ascending(tmp_path: Path) -> None:
    class Unordered(MemoryStore):
        def iter_subjects(self):
            yield from self.products

    with pytest.raises(SnapshotError, match="not ascending"):
        build_snapshot(Unordered([product("b"), product("a")]), tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [{"validation": 1.0}, {"validation": 0.5, "test": 0.5}, {"image_size": 0}, {"seed": -1}],
)
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    from k3m_kg.config import validate_settings

    with pytest.raises(ConfigError):
        validate_settings(SnapshotSettings, wrong, "snapshot")


def test_out_is_a_file(store: MemoryStore, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(SnapshotError, match="choose a folder, not a file"):
        build_snapshot(store, tmp_path / "out")
    with pytest.raises(SnapshotError, match="choose a folder, not a file"):
        build_snapshot(store, tmp_path / "out" / "deeper")


SLOW_BUILD = """
    import sys
    from pathlib import Path
    from k3m_kg.graph.stored import StoredProduct
    from k3m_kg.snapshot import build, build_snapshot

    def stall(*args, **more):
        print("half way", flush=True)
        sys.stdin.read()  # until it is killed, or who would do so is gone

    class Store:
        def iter_subjects(self):
            for number in range(20_000):
                yield StoredProduct(f"{number:05}", "new", None, (("p", "v"),), ())
                if number == 17_000 and sys.argv[2] == "stream":
                    stall()

    if sys.argv[2] == "publish":
        build._publish = stall
    if sys.argv[2] == "latest":
        build.write_text = stall
    build_snapshot(Store(), Path(sys.argv[1]))
"""


def start_build(out: Path, moment: str) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SLOW_BUILD), str(out), moment],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "half way\n"
    return child


@pytest.mark.parametrize("moment", ["stream", "publish", "latest"])
def test_a_killed_build_leaves_what_was_there(
    store: MemoryStore, tmp_path: Path, moment: str
) -> None:
    before = build_snapshot(store, tmp_path).snapshot
    child = start_build(tmp_path, moment)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert Snapshot.open(tmp_path).id == before.id
    assert [path.name for path in tmp_path.glob(".k3m-kg-*.part")]
    for folder in tmp_path.iterdir():
        if (folder / "manifest.json").exists():
            Snapshot.open(folder).verify()
    build_snapshot(store, tmp_path)
    assert not list(tmp_path.glob(".k3m-kg-*.part"))


def test_the_folder_of_a_living_build_is_left_alone(store: MemoryStore, tmp_path: Path) -> None:
    child = start_build(tmp_path, "stream")
    try:
        build_snapshot(store, tmp_path)
        assert len(list(tmp_path.glob(".k3m-kg-*.part"))) == 1
    finally:
        child.kill()
        child.wait()


def test_two_builds_of_the_same_content_at_once_agree(tmp_path: Path) -> None:
    code = textwrap.dedent(SLOW_BUILD)
    children = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), "now"]) for _ in range(2)
    ]
    assert [ended(child)[0] for child in children] == [0, 0]
    Snapshot.open(tmp_path).verify()
    folders = [path for path in tmp_path.iterdir() if path.is_dir() and path.suffix != ".cache"]
    assert len(folders) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_out_may_not_be_written(store: MemoryStore, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(SnapshotError, match="Permission denied"):
        build_snapshot(store, tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
@pytest.mark.parametrize(("options", "word"), [("size=64k", "No space left"), ("ro", "Read-only")])
def test_a_full_or_read_only_disk_is_one_clear_error(
    store: MemoryStore, tmp_path: Path, options: str, word: str
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this container may not mount")
    try:
        with pytest.raises(SnapshotError, match=word) as caught:
            build_snapshot(store, disk)
        assert caught.value.hint
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_imports_no_tensor_library() -> None:
    code = (
        "import sys, k3m_kg.snapshot, k3m_kg.cli.commands.training.snapshot\n"
        "print({'torch', 'pykeen', 'dgl', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_the_manifest_is_plain_json_without_paths_or_times(
    store: MemoryStore, tmp_path: Path
) -> None:
    started = time.time()
    snapshot = build_snapshot(store, tmp_path).snapshot
    text = (snapshot.path / "manifest.json").read_text()
    assert str(tmp_path) not in text
    assert str(int(started))[:6] not in json.dumps(snapshot.manifest["settings"])
