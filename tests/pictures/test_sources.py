"""Pictures from archives and from the network, all the way into the graph and a snapshot."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from k3m_kg.errors import UsageError
from k3m_kg.graph.store import GraphStore
from k3m_kg.ingest.options import IngestOptions
from k3m_kg.ingest.pipeline import ingest
from k3m_kg.ingest.quarantine import Quarantine
from k3m_kg.ingest.report import SourceReport
from k3m_kg.pictures.fetch.addresses import AllowedAddresses
from k3m_kg.pictures.fetch.settings import FetchCounts, FetchSettings
from k3m_kg.pictures.sources import PictureSources
from k3m_kg.snapshot import build_snapshot
from k3m_kg.snapshot.settings import SnapshotSettings
from tests.pictures.picture_server import PictureServer, picture_server, png

HERE = AllowedAddresses.of([], ["127.0.0.0/8"])
FETCH = FetchSettings(allowed=HERE, backoff_seconds=0.01, tries=2)
REFETCH = FetchSettings(allowed=HERE, refetch=True)


@pytest.fixture
def server() -> Iterator[PictureServer]:
    with picture_server() as server:
        yield server


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GraphStore]:
    monkeypatch.chdir(tmp_path)
    with GraphStore.create("sqlite:///graph.db")[0] as store:
        yield store


def run(store: GraphStore, **options: object) -> SourceReport:
    with Quarantine(None) as rejected:
        chosen = IngestOptions(**options)  # type: ignore[arg-type]
        (report,) = ingest(store, [Path("a.tsv")], chosen, quarantine=rejected)
    return report


def catalog(*images: str) -> None:
    rows = (f"{n}\ta title {n}\t{image}\ta#:#b\tc\n" for n, image in enumerate(images))
    Path("a.tsv").write_text("".join(rows))


def archive(*numbers: int) -> Path:
    with zipfile.ZipFile("pics.zip", "w") as file:
        for number in numbers:
            file.writestr(f"pics/{number}.png", png(number))
    return Path("pics.zip")


def errors(store: GraphStore) -> list[str | None]:
    return [image.error for product in store.iter_products() for image in product.images]


def paths(store: GraphStore) -> list[str | None]:
    return [image.path for product in store.iter_products() for image in product.images]


def snapshot_pictures(store: GraphStore) -> int:
    settings = SnapshotSettings(holdout=0)
    return build_snapshot(store, Path("snapshots"), settings).snapshot.thumbnail_count


def test_pictures_of_an_archive_reach_the_snapshot(store: GraphStore) -> None:
    catalog("0.png", "", "gone.png")
    report = run(store, images=archive(0, 1))
    assert (report.counts.images_found, report.counts.images_failed) == (2, 1)
    assert errors(store) == [None, None, "no such file in the archive"]
    paths = [image.path for product in store.iter_products() for image in product.images]
    assert all("graph.db.images" in path for path in paths if path)
    Path("pics.zip").rename("elsewhere.zip")
    assert snapshot_pictures(store) == 2


def test_an_archive_that_has_not_changed_changes_nothing(store: GraphStore) -> None:
    catalog("0.png", "", "gone.png")
    run(store, images=archive(0, 1))
    assert run(store, images=Path("pics.zip")).unchanged
    report = run(store, images=archive(0, 1, 2))
    assert (report.counts.products_updated, report.counts.products_unchanged) == (1, 2)


def test_what_an_archive_had_stays_found_without_naming_it_again(store: GraphStore) -> None:
    catalog("https://shop/0.png", "1.png", "gone.png", "")
    assert run(store, images=archive(0, 1, 3, 5)).counts.images_found == 3
    before = paths(store)
    assert run(store).unchanged

    edited = Path("a.tsv").read_text().replace("title 0", "title zero")
    Path("a.tsv").write_text(edited + "4\ttitle\t5.png\ta#:#b\tc\n")
    report = run(store)
    counts = report.counts
    assert (counts.products_updated, counts.products_unchanged, counts.images_found) == (1, 3, 4)
    assert paths(store)[:4] == before
    (note,) = report.notes
    assert (
        note
        == f"pictures are looked for in {Path('pics.zip').resolve()} again, as in the last ingest"
    )

    Path("pics.zip").unlink()
    Path("a.tsv").write_text(edited.replace("title 1", "title one"))
    report = run(store)
    assert report.counts.images_found == 3
    assert paths(store) == before
    assert "pics.zip is not there any more: what was taken from it before stays" in report.notes[0]

    archive(1)
    Path("pics.zip").write_bytes(Path("pics.zip").read_bytes()[:-30])
    Path("a.tsv").write_text(edited)
    report = run(store)
    assert report.counts.images_found == 3
    assert "pics.zip cannot be used: " in report.notes[0]

    other = Path("other")
    other.mkdir()
    report = run(store, images=other)
    assert report.counts.images_found == 0
    assert "3 pictures were found in its last ingest, with --images" in report.notes[-1]
    assert "pics.zip, and 0 are now" in report.notes[-1]
    assert run(store).unchanged


def test_what_a_folder_had_stays_found_without_naming_it_again(store: GraphStore) -> None:
    catalog("0.png", "1.png")
    folder = Path("pictures")
    folder.mkdir()
    (folder / "0.png").write_bytes(png(0))
    Path("1.png").write_bytes(png(1))
    assert run(store, images=folder).counts.images_found == 1
    Path("a.tsv").write_text(Path("a.tsv").read_text().replace("title 0", "title zero"))
    report = run(store)
    assert report.counts.images_found == 2  # one of them lies beside the source
    assert report.notes == [
        f"pictures are looked for in {folder.resolve()} again, as in the last ingest"
    ]

    (folder / "0.png").unlink()
    folder.rmdir()
    report = run(store)
    assert report.counts.images_found == 1
    assert "pictures is not there: give the pictures again with --images" in report.notes[0]
    assert report.notes[-1].endswith(", and 1 are now")


def test_pictures_are_fetched_only_when_asked(store: GraphStore, server: PictureServer) -> None:
    catalog(server.picture("/0.png"), server.url("/gone.png"))
    assert run(store).counts.images_not_local == 2
    assert not server.asked
    assert not Path("graph.db.images").exists()

    report = run(store, fetch=FETCH)
    assert report.fetched == FetchCounts(fetched=1, failed=1, bytes=len(png()))
    assert (report.counts.images_found, report.counts.images_failed) == (1, 1)
    assert errors(store) == [None, "HTTP 404 Not Found"]
    assert [failure.error for failure in report.failures] == ["HTTP 404 Not Found"]
    status = store.status()
    assert (status.products, status.missing.image) == (2, 1)
    assert snapshot_pictures(store) == 1


def test_what_was_fetched_stays_with_and_without_fetching(
    store: GraphStore, server: PictureServer
) -> None:
    catalog(server.picture("/0.png"), server.url("/gone.png"))
    run(store, fetch=FETCH)
    for options in ({}, {"fetch": FETCH}):
        report = run(store, **options)
        assert report.unchanged
        assert report.counts.images_found == 1
    assert server.asked.total() == 2


def test_a_failure_that_may_pass_is_mended_by_the_next_fetch(
    store: GraphStore, server: PictureServer
) -> None:
    catalog(server.on("/0.png", lambda request: request.reply(503)))
    assert run(store, fetch=FETCH).counts.images_failed == 1
    assert run(store).unchanged
    server.picture("/0.png")
    report = run(store, fetch=FETCH)
    assert (report.counts.images_found, report.counts.products_updated) == (1, 1)


def test_fetching_again_brings_what_has_changed(store: GraphStore, server: PictureServer) -> None:
    catalog(server.picture("/0.png", 1), server.picture("/1.png", 2))
    run(store, fetch=FETCH)
    assert run(store, fetch=REFETCH).unchanged
    server.picture("/0.png", 3)
    report = run(store, fetch=REFETCH)
    assert (report.counts.products_updated, report.counts.products_unchanged) == (1, 1)


def test_a_local_picture_is_not_fetched(store: GraphStore, server: PictureServer) -> None:
    catalog(server.picture("/0.png"))
    assert run(store, images=archive(0), fetch=FETCH).counts.images_found == 1
    assert not server.asked


def test_a_dry_run_fetches_nothing_and_leaves_no_store(
    store: GraphStore, server: PictureServer
) -> None:
    catalog(server.picture("/0.png"), "1.png")
    report = run(store, fetch=FETCH, images=archive(1), dry_run=True)
    assert (report.counts.images_found, report.counts.images_not_local) == (1, 1)
    assert not server.asked
    assert not Path("graph.db.images").exists()


def test_a_dry_run_sees_what_was_fetched(store: GraphStore, server: PictureServer) -> None:
    catalog(server.picture("/0.png"), "1.png")
    run(store, fetch=FETCH, images=archive(1))
    assert run(store, images=Path("pics.zip"), dry_run=True).unchanged


def test_the_image_store_may_be_elsewhere(store: GraphStore, server: PictureServer) -> None:
    catalog(server.picture("/0.png"))
    run(store, fetch=FETCH, image_store=Path("elsewhere"))
    assert Path("elsewhere/index.db").is_file()
    assert not Path("graph.db.images").exists()
    assert run(store, image_store=Path("elsewhere")).unchanged


def test_the_image_store_of_an_earlier_ingest_is_used_again(
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    server: PictureServer,
) -> None:
    monkeypatch.chdir(tmp_path)
    with GraphStore.create(database_url)[0] as store:
        catalog("0.png", server.picture("/1.png"), "")
        chosen = {"images": archive(0, 2), "image_store": Path("elsewhere")}
        assert run(store, fetch=FETCH, **chosen).counts.images_found == 3
        before = paths(store)
        Path("pics.zip").unlink()
        Path("a.tsv").write_text(Path("a.tsv").read_text().replace("title", "name"))
        report = run(store)
        assert report.counts.images_found == 3
        assert paths(store) == before
        where = Path("elsewhere").resolve()
        assert f"the image store is {where} again, as in an earlier ingest" in report.notes

        where.rename("gone")
        Path("a.tsv").write_text(Path("a.tsv").read_text().replace("name", "word"))
        report = run(store)
        assert report.counts.images_found == 0
        assert "pics.zip is not there: give the pictures again with --images" in report.notes[0]
        assert not where.exists()


def test_without_sqlite_the_image_store_must_be_named(tmp_path: Path) -> None:
    url = "postgresql+psycopg://user@host/name"
    with pytest.raises(UsageError, match="--image-store"):
        PictureSources(url, None, None, FETCH, dry_run=False)
    with PictureSources(url, None, None, None, dry_run=False) as sources:
        assert sources.locator(tmp_path / "a.csv")("1", ("http://x/1.png",))[0].path is None


def test_images_that_are_no_folder_and_no_archive_are_wrong_use(store: GraphStore) -> None:
    catalog("0.png")
    for name in ("a.tsv", "nowhere"):
        with pytest.raises(UsageError, match=r"no such folder|neither a folder"):
            run(store, images=Path(name))
