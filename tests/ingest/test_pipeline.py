"""From files to the graph: counts, quarantine, strict, dry run, the difference."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from k3m_kg.errors import CatalogError, GraphError, UsageError
from k3m_kg.graph.store import GraphStore
from k3m_kg.ingest.options import IngestOptions
from k3m_kg.ingest.pipeline import ingest
from k3m_kg.ingest.quarantine import Quarantine
from k3m_kg.ingest.report import SourceProgress, SourceReport
from k3m_kg.records import RejectedRow


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GraphStore]:
    monkeypatch.chdir(tmp_path)
    with GraphStore.create("sqlite:///graph.db")[0] as store:
        yield store


def run(
    store: GraphStore, *sources: str, quarantine: Path | None = None, **options: object
) -> list[SourceReport]:
    with Quarantine(quarantine) as rejected:
        return ingest(
            store,
            [Path(source) for source in sources],
            IngestOptions(**options),  # type: ignore[arg-type]
            quarantine=rejected,
        )


def write_tsv(name: str, *rows: str) -> str:
    Path(name).write_text("".join(row + "\n" for row in rows), encoding="utf-8")
    return name


def row(
    id_: str,
    *,
    title: str = "a title",
    image: str = "",
    triples: str = "a#:#b",
    category: str = "category",
) -> str:
    return f"{id_}\t{title}\t{image}\t{triples}\t{category}"


def rejected(name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in Path(name).read_text(encoding="utf-8").splitlines()]


def ids(store: GraphStore) -> list[str]:
    return [product.id for product in store.iter_products()]


def dump(store: GraphStore) -> list[object]:
    return list(store.iter_products())


def test_a_second_ingest_of_the_same_content_adds_nothing_and_says_unchanged(
    store: GraphStore,
) -> None:
    write_tsv("a.tsv", row("1"), row("2"))
    (first,) = run(store, "a.tsv")
    assert (first.counts.products_added, first.counts.triples_added) == (2, 2)
    before = dump(store)

    (second,) = run(store, "a.tsv")
    assert second.unchanged
    assert second.counts.products_unchanged == second.counts.products_read == 2
    assert second.counts.products_added == second.counts.triples_added == 0

    os.utime("a.tsv")
    (touched,) = run(store, "a.tsv")
    assert touched.unchanged
    assert dump(store) == before


def test_a_changed_source_yields_exactly_the_difference(store: GraphStore) -> None:
    write_tsv("a.tsv", row("same"), row("changed"), row("gone"))
    run(store, "a.tsv")
    write_tsv("a.tsv", row("changed", triples="a#:#c"), row("same"), row("new"))
    (report,) = run(store, "a.tsv")
    counts = report.counts
    assert not report.unchanged
    assert (counts.products_added, counts.products_updated) == (1, 1)
    assert (counts.products_unchanged, counts.products_removed) == (1, 1)
    assert (counts.triples_added, counts.triples_removed) == (2, 2)
    assert ids(store) == ["changed", "new", "same"]


def test_a_new_source_that_says_what_another_says_is_told_how_to_replace_it(
    store: GraphStore,
) -> None:
    write_tsv("cat 26.tsv", row("1"), row("2"), row("3"))
    (first,) = run(store, "cat 26.tsv")
    assert first.notes == []
    write_tsv("cat 27.tsv", row("1", title="new", category="new"), row("2", title="new"), row("4"))
    replacing = f"ingest 'cat 27.tsv' --source '{Path('cat 26.tsv').resolve()}'`"
    (rehearsal,) = run(store, "cat 27.tsv", dry_run=True)
    (report,) = run(store, "cat 27.tsv")
    (note,) = report.notes
    assert note.startswith(
        f"2 products are stated by {Path('cat 26.tsv').resolve()} too, which comes before this "
        "source: 2 titles and 1 categories differ, and those of that source are shown; if "
    )
    assert note.endswith(f"newer version of it: `k3m-kg undo 2`, then `k3m-kg {replacing}")
    assert rehearsal.notes[0].endswith(f"newer version of it: `k3m-kg {replacing}")

    write_tsv("cat 27.tsv", row("1", title="newer"), row("3", title="new"))
    assert run(store, "cat 27.tsv")[0].notes == []  # no new source any more
    write_tsv("few.tsv", row("1"), row("5"), row("6"), row("7"))
    (note,) = run(store, "few.tsv")[0].notes
    assert note.startswith("1 products are stated by ")
    assert "ingest" not in note.partition("too, which")[2]


def test_bad_rows_go_to_quarantine_with_line_and_reason(store: GraphStore) -> None:
    write_tsv(
        "a.tsv",
        row("1"),
        "ragged\tline",
        row("2", title="", triples="", category=""),
        row("1", title="b"),
        row("5", title="", triples=""),  # a source may say categories and no more
    )
    Path("a.tsv").write_bytes(Path("a.tsv").read_bytes() + b"3\t\xff\t\t\t\n" + row("4").encode())

    (report,) = run(store, "a.tsv")
    assert report.quarantine == "a.tsv.quarantine.jsonl"
    found = {entry["line"]: str(entry["reason"]) for entry in rejected("a.tsv.quarantine.jsonl")}
    assert sorted(found) == [2, 3, 4, 6]
    assert "expected 5 columns" in found[2]
    assert "nothing is said of it" in found[3]
    kept = {entry["line"]: entry["raw"] for entry in rejected("a.tsv.quarantine.jsonl")}
    assert [json.loads(str(kept[line]))["id"] for line in (3, 4)] == ["2", "1"]
    assert "`rows: continue`" not in report.notes[0]  # no mapping is used
    assert "given on line 1 with other content" in found[4]
    assert "invalid UTF-8" in found[6]
    assert report.counts.rows_quarantined == 4
    assert ids(store) == ["1", "4", "5"]


def test_a_source_with_rejected_rows_that_did_not_change_is_not_read_again(
    store: GraphStore,
) -> None:
    write_tsv("a.tsv", row("1"), row("2"))
    run(store, "a.tsv")
    write_tsv("a.tsv", row("1", title="new"), "2\tno", row("3"), row("3", title="other"))
    (first,) = run(store, "a.tsv", allow_rejected=True)
    assert (first.counts.rows_quarantined, first.counts.products_kept) == (2, 1)
    (second,) = run(store, "a.tsv")
    assert second.unchanged
    assert (second.run, second.counts.rows_quarantined) == (None, 2)
    assert second.quarantine == "a.tsv.quarantine.jsonl"
    with pytest.raises(CatalogError, match="with --strict"):
        run(store, "a.tsv", strict=True)

    Path("a.tsv.quarantine.jsonl").unlink()  # somebody wants to know again
    (third,) = run(store, "a.tsv")
    assert not third.unchanged
    assert len(rejected("a.tsv.quarantine.jsonl")) == 2
    # Runs that found nothing new are no reason to keep the one before them.
    with store.writing() as writer:
        undone = writer.undo(first.run or 0)
    assert undone.idle == (third.run,)
    assert {product.id: product.title for product in store.iter_products()} == {
        "1": "a title", "2": "a title",
    }  # fmt: skip
    assert not run(store, "a.tsv")[0].unchanged


def test_no_quarantine_file_without_rejected_rows(store: GraphStore) -> None:
    write_tsv("a.tsv", row("1"))
    run(store, "a.tsv")
    assert not Path("a.tsv.quarantine.jsonl").exists()


def test_the_quarantine_file_is_named_and_survives_a_failed_ingest(store: GraphStore) -> None:
    write_tsv("a.tsv", row("1"), "ragged")
    with pytest.raises(CatalogError, match="1 rejected row"):
        run(store, "a.tsv", strict=True, quarantine=Path("bad.jsonl"))
    assert [entry["line"] for entry in rejected("bad.jsonl")] == [2]
    assert ids(store) == []


def test_two_sources_of_one_name_share_a_quarantine_file(store: GraphStore) -> None:
    for folder in ("x", "y"):
        Path(folder).mkdir()
        write_tsv(f"{folder}/a.tsv", row(folder), "ragged")
    run(store, "x/a.tsv", "y/a.tsv")
    assert [entry["source"] for entry in rejected("a.tsv.quarantine.jsonl")] == [
        "x/a.tsv",
        "y/a.tsv",
    ]
    (again,) = run(store, "x/a.tsv")
    assert again.unchanged
    write_tsv("x/a.tsv", row("new"), "ragged")
    run(store, "x/a.tsv")
    assert len(rejected("a.tsv.quarantine.jsonl")) == 1, "a new run begins a new file"
    assert not run(store, "y/a.tsv")[0].unchanged, "its reasons are gone"


def test_the_quarantine_file_never_overwrites_an_input(store: GraphStore) -> None:
    write_tsv("a.tsv", "ragged")
    with pytest.raises(UsageError, match="which is read"):
        run(store, "a.tsv", quarantine=Path("./a.tsv"))
    assert Path("a.tsv").read_text() == "ragged\n"


def test_a_quarantine_file_that_cannot_be_written_stops_the_ingest(store: GraphStore) -> None:
    write_tsv("a.tsv", row("1"), "ragged")
    with pytest.raises(CatalogError, match="quarantine file cannot be written"):
        run(store, "a.tsv", quarantine=Path("nowhere/bad.jsonl"))
    assert ids(store) == []


def test_strict_accepts_a_clean_source(store: GraphStore) -> None:
    write_tsv("a.tsv", row("1"))
    run(store, "a.tsv", strict=True)
    assert ids(store) == ["1"]


def test_strict_over_several_sources_writes_all_or_nothing(store: GraphStore) -> None:
    write_tsv("a.tsv", row("1"))
    write_tsv("b.tsv", row("2"), "ragged")
    with pytest.raises(CatalogError, match="nothing was written"):
        run(store, "a.tsv", "b.tsv", strict=True)
    assert ids(store) == []


def test_strict_still_fails_when_the_bad_source_was_ingested_before(store: GraphStore) -> None:
    write_tsv("a.tsv", row("1"), "ragged")
    run(store, "a.tsv")
    with pytest.raises(CatalogError, match="1 rejected row"):
        run(store, "a.tsv", strict=True)


def test_each_source_is_a_transaction_of_its_own(store: GraphStore) -> None:
    write_tsv("a.tsv", row("1"))
    write_tsv("b.tsv", *["ragged"] * 3)
    with pytest.raises(CatalogError, match="all 3 were rejected"):
        run(store, "a.tsv", "b.tsv", format="k3m-tsv")
    assert ids(store) == ["1"]


def test_a_dry_run_counts_the_same_and_changes_nothing(store: GraphStore) -> None:
    write_tsv("a.tsv", row("1"), row("2"), "ragged")
    (rehearsed,) = run(store, "a.tsv", dry_run=True)
    assert ids(store) == []
    assert not Path("a.tsv.quarantine.jsonl").exists()
    assert rehearsed.quarantine == "a.tsv.quarantine.jsonl"
    assert any(note.startswith("rejected: line 3: ") for note in rehearsed.notes)
    (real,) = run(store, "a.tsv")
    assert rehearsed.counts == real.counts


def test_an_export_that_went_wrong_does_not_empty_the_graph(store: GraphStore) -> None:
    write_tsv("a.tsv", row("1"), row("2"))
    run(store, "a.tsv")
    write_tsv("a.tsv", "500 Internal Server Error")
    with pytest.raises(CatalogError, match="no row of this file could be read"):
        run(store, "a.tsv", format="k3m-tsv")
    assert ids(store) == ["1", "2"]


def test_a_source_that_changes_while_it_is_read_is_not_kept(store: GraphStore) -> None:
    write_tsv("a.tsv", row("1"))

    def append(progress: SourceProgress) -> None:
        write_tsv("a.tsv", row("1"), row("2"))

    with Quarantine() as quarantine, pytest.raises(CatalogError, match="changed while it was read"):
        ingest(store, [Path("a.tsv")], IngestOptions(), quarantine=quarantine, on_progress=append)
    assert ids(store) == []


def test_progress_ends_at_the_last_line(store: GraphStore) -> None:
    write_tsv("a.tsv", *(row(str(n)) for n in range(4500)))
    steps: list[SourceProgress] = []
    with Quarantine() as quarantine:
        ingest(
            store, [Path("a.tsv")], IngestOptions(), quarantine=quarantine, on_progress=steps.append
        )
    assert [(step.line, step.lines, step.products) for step in steps] == [
        (2000, 4500, 2000),
        (4000, 4500, 4000),
        (4500, 4500, 4500),
    ]


@pytest.mark.parametrize(
    ("kwargs", "kept"),
    [
        ({"title": ""}, True),
        ({"triples": ""}, True),
        ({"title": "", "triples": "", "image": "https://x/1.jpg"}, True),
        ({"title": "", "triples": ""}, True),
        ({"title": "", "triples": "", "category": ""}, False),
    ],
)
def test_what_a_product_may_lack(store: GraphStore, kwargs: dict[str, str], kept: bool) -> None:
    write_tsv("a.tsv", row("other"), row("1", **kwargs))
    (report,) = run(store, "a.tsv")
    assert (ids(store) == ["1", "other"]) is kept
    assert report.counts.rows_quarantined == (not kept)


def test_pictures_are_checked_and_a_bad_one_does_not_cost_the_product(store: GraphStore) -> None:
    Image.new("RGB", (20, 10)).save("good.jpg")
    Path("bad.jpg").write_bytes(Path("good.jpg").read_bytes()[:200])
    images = ["good.jpg", "bad.jpg", "gone.jpg", "https://x/1.jpg", "../etc/passwd"]
    write_tsv("a.tsv", *(row(str(n), image=image) for n, image in enumerate(images)))

    (report,) = run(store, "a.tsv")
    counts = report.counts
    assert (counts.images_found, counts.images_failed, counts.images_not_local) == (1, 3, 1)
    assert [(failure.product, failure.source) for failure in report.failures] == [
        ("1", "bad.jpg"),
        ("2", "gone.jpg"),
        ("4", "../etc/passwd"),
    ]
    status = store.status()
    assert (status.products, status.images, status.missing.image) == (5, 1, 4)
    (good,) = next(store.iter_products()).images
    assert (good.width, good.height, good.path) == (20, 10, str(Path("good.jpg").resolve()))


def test_a_picture_that_appears_or_is_mended_is_taken_in(store: GraphStore) -> None:
    write_tsv("a.tsv", row("1", image="1.jpg"), row("2"))
    run(store, "a.tsv")
    Image.new("RGB", (20, 10)).save("1.jpg")
    (report,) = run(store, "a.tsv")
    assert (report.counts.products_updated, report.counts.products_unchanged) == (1, 1)
    assert report.counts.triples_added == report.counts.triples_removed == 0
    assert store.status().images == 1
    assert run(store, "a.tsv")[0].unchanged


def test_a_file_that_was_only_touched_is_no_change(store: GraphStore) -> None:
    Image.new("RGB", (20, 10)).save("1.png")
    write_tsv("a.tsv", row("1", image="1.png"))
    run(store, "a.tsv")
    os.utime("1.png", (1, 1))
    (report,) = run(store, "a.tsv")
    assert (report.counts.products_updated, report.counts.products_unchanged) == (0, 1)
    assert run(store, "a.tsv")[0].unchanged
    Image.new("RGB", (20, 10), "red").save("1.png")
    assert run(store, "a.tsv")[0].counts.products_updated == 1


def test_separators_within_a_value_do_not_hide_a_change(store: GraphStore) -> None:
    Path("a.jsonl").write_text(json.dumps({"id": "P", "a": "b", "c": "d"}) + "\n")
    run(store, "a.jsonl")
    Path("a.jsonl").write_text(json.dumps({"id": "P", "a": "b\x1f\x02c\x1ed"}) + "\n")
    assert run(store, "a.jsonl")[0].counts.products_updated == 1
    (product,) = store.iter_products()
    assert product.triples == (("a", "b\x1f\x02c\x1ed"),)


def test_the_quarantine_file_is_never_the_database(store: GraphStore) -> None:
    write_tsv("a.tsv", row("1"), "ragged")
    with pytest.raises(UsageError, match="database"):
        run(store, "a.tsv", quarantine=Path("graph.db"))
    assert dump(store) == []


def test_an_images_folder_given_later_is_used(store: GraphStore) -> None:
    Path("pics").mkdir()
    Image.new("RGB", (20, 10)).save("pics/1.png")
    write_tsv("a.tsv", row("1", image="https://x/other.jpg"), row("2"))
    run(store, "a.tsv")
    (report,) = run(store, "a.tsv", images=Path("pics"))
    assert (report.counts.products_updated, report.counts.images_found) == (1, 1)
    assert run(store, "a.tsv", images=Path("pics"))[0].unchanged


def test_a_changed_mapping_reads_the_source_anew(store: GraphStore) -> None:
    Path("a.csv").write_text("id,name,colour\n1,coat,NA\n")
    Path("m.yaml").write_text("id: id\ntitle: name\n")
    assert run(store, "a.csv", mapping=Path("m.yaml"))[0].counts.triples_added == 1
    Path("m.yaml").write_text("id: id\ntitle: name\nmissing: [NA]\n")
    assert run(store, "a.csv", mapping=Path("m.yaml"))[0].counts.triples_removed == 1


@pytest.mark.parametrize("name", ["missing.tsv", "folder", "pipe", "empty.tsv"])
def test_what_is_no_source_is_a_clear_error(store: GraphStore, name: str) -> None:
    Path("folder").mkdir()
    os.mkfifo("pipe")
    Path("empty.tsv").touch()
    with pytest.raises(CatalogError, match=r"no such file|is a folder|no regular file|is empty"):
        run(store, name)


def test_a_header_alone_is_a_clear_error(store: GraphStore) -> None:
    Path("a.csv").write_text("id,name\n")
    Path("m.yaml").write_text("id: id\n")
    with pytest.raises(CatalogError, match="no product in this file"):
        run(store, "a.csv", mapping=Path("m.yaml"))


def test_a_format_that_nobody_knows_lists_the_readers(store: GraphStore) -> None:
    Path("a.bin").write_bytes(b"\0\1\2")
    with pytest.raises(UsageError, match=r"no known format[\s\S]*csv, .*jsonl"):
        run(store, "a.bin")
    with pytest.raises(UsageError, match="Did you mean 'csv'"):
        run(store, "a.bin", format="cvs")


def test_a_missing_mapping_file_is_a_clear_error(store: GraphStore) -> None:
    Path("a.csv").write_text("id,name\n1,x\n")
    with pytest.raises(UsageError, match="no such file"):
        run(store, "a.csv", mapping=Path("m.yaml"))


def test_records_of_a_careless_reader_are_refused_not_stored(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from k3m_kg.config import Settings
    from k3m_kg.plugin.hookspecs import ReaderPlugin
    from k3m_kg.plugin.registry import Registry
    from k3m_kg.readers import choosing
    from k3m_kg.records import ProductRecord

    class Careless:
        def sniff(self, path: Path, head: bytes) -> float:
            return 1.0

        def read(self, path: Path, mapping: Path | None) -> Iterator[ProductRecord | RejectedRow]:
            yield ProductRecord("", "no id", line=1)
            yield ProductRecord("nul", "a\0b", line=2)
            yield ProductRecord("surrogate", "\ud800", line=3)
            yield ProductRecord("twice", "t", properties=(("a", "b"), ("a", "b")), line=4)

    installed = Registry()
    careless = ReaderPlugin("careless", "made up", Settings, lambda _: Careless())
    installed.add(careless, "acme", "1")
    monkeypatch.setattr(choosing, "registry", lambda: installed)
    write_tsv("a.x", "x")
    (report,) = run(store, "a.x")
    assert (report.counts.rows_quarantined, report.counts.triples_added) == (3, 1)
    assert ids(store) == ["twice"]


def test_a_full_disk_keeps_the_old_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy import event

    monkeypatch.chdir(tmp_path)
    write_tsv("small.tsv", row("1"))
    write_tsv("large.tsv", *(row(str(n), title="x" * 200) for n in range(5000)))
    with GraphStore.create("sqlite:///graph.db")[0] as store:
        run(store, "small.tsv")
        event.listen(
            store._engine, "connect", lambda driver, _: driver.execute("PRAGMA max_page_count = 60")
        )
        store.close()
        with pytest.raises(GraphError, match="disk is full"):
            run(store, "large.tsv")
        assert ids(store) == ["1"]
    with GraphStore.open("sqlite:///graph.db") as store:
        run(store, "large.tsv")
        assert store.status().products == 5000


@pytest.mark.realdata
def test_the_k3m_authors_sample_is_read_whole(store: GraphStore, data_dir: Path) -> None:
    files = [str(data_dir / "taobao-sample" / name) for name in ("train.tsv", "valid.tsv")]
    reports = run(store, *files)
    assert sum(report.counts.rows_quarantined for report in reports) == 0
    status = store.status()
    assert (status.products, status.triples) == (500, 3641)
    assert (status.properties, status.values) == (496, 1562)
    assert all(report.unchanged for report in run(store, *files))


@pytest.mark.realdata
def test_the_fashion_catalog_is_read_whole(store: GraphStore, data_dir: Path) -> None:
    mapping = Path(__file__).parent.parent.parent / "examples" / "fashion" / "mapping.yaml"
    source = str(data_dir / "fashion" / "styles.csv")
    (report,) = run(store, source, mapping=mapping)
    assert report.counts.rows_quarantined == 0
    status = store.status()
    assert (status.products, status.images, status.triples) == (9583, 9583, 76_653)
    assert run(store, source, mapping=mapping)[0].unchanged
