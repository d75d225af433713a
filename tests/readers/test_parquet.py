"""Parquet, Arrow and Feather, a row a product or a row a triple."""

from __future__ import annotations

import gzip
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from k3m_kg.errors import CatalogError, ConfigError
from k3m_kg.readers.choosing import choose_reader
from k3m_kg.readers.columnar import arrow_batches
from k3m_kg.readers.columnar.parquet import ParquetReader
from k3m_kg.readers.compressed import read_head
from k3m_kg.readers.lines import MAX_LINE
from k3m_kg.records import Note, ProductRecord, RejectedRow


def write(table: pa.Table, path: Path, form: str) -> None:
    if form == "parquet":
        pq.write_table(table, path, row_group_size=3)
    elif form == "feather":
        feather.write_feather(table, path)
    else:
        new = pa.ipc.new_file if form == "file" else pa.ipc.new_stream
        with new(str(path), table.schema) as writer:
            writer.write_table(table, max_chunksize=3)


def read(tmp_path: Path, columns: dict | pa.Table, mapping: str | None = None) -> list:
    file, mapping_file = tmp_path / "catalog.parquet", tmp_path / "mapping.yaml"
    write(columns if isinstance(columns, pa.Table) else pa.table(columns), file, "parquet")
    if mapping is not None:
        mapping_file.write_text(mapping, encoding="utf-8")
    found = ParquetReader().read(file, mapping_file if mapping is not None else None)
    return [record for record in found if not isinstance(record, Note)]


LONG = {
    "head": ["1", "1", "1", "2", "2", "3", "3"],
    "property": ["colour", "colour", "title", "colour", "colour", "image", "category"],
    "value": ["red", "blue", "mug", "red", "red", "a.jpg", "mugs"],
}
LONG_PRODUCTS = [
    ProductRecord("1", "mug", properties=(("colour", "red"), ("colour", "blue")), line=1),
    ProductRecord("2", properties=(("colour", "red"),), line=4),
    ProductRecord("3", category="mugs", images=("a.jpg",), line=6),
]


@pytest.mark.parametrize("form", ["parquet", "feather", "file", "stream"])
def test_every_form_is_sniffed_and_read(tmp_path: Path, form: str) -> None:
    path = tmp_path / "catalog"
    write(pa.table(LONG), path, form)
    assert choose_reader(path).name == "parquet"
    assert list(ParquetReader().read(path, None)) == LONG_PRODUCTS


def test_a_packed_stream_is_read_and_a_packed_file_explained(tmp_path: Path) -> None:
    for form in ("stream", "parquet"):
        write(pa.table(LONG), tmp_path / form, form)
        (tmp_path / f"{form}.gz").write_bytes(gzip.compress((tmp_path / form).read_bytes()))
        assert ParquetReader().sniff(Path("x"), read_head(tmp_path / f"{form}.gz", 100))
    assert list(ParquetReader().read(tmp_path / "stream.gz", None)) == LONG_PRODUCTS
    with pytest.raises(CatalogError, match="unpack it"):
        list(ParquetReader().read(tmp_path / "parquet.gz", None))


def test_a_wide_table_is_read_as_a_csv(tmp_path: Path) -> None:
    mapping = """
        id: sku
        title: name
        category: kind
        image: ["{sku}.jpg", photos]
        properties: "*"
        links: {related: related to}
        rename: {col: colour}
        separators: {col: "|", related: ","}
        missing: [NA]
    """
    table = {
        "sku": [10, 20, None],
        "name": [" mug ", "", "x"],
        "kind": ["mugs", "NA", "x"],
        "photos": [["a.jpg", None, "b.jpg"], [], None],
        "col": ["red| |NA|blue|red", None, "x"],
        "related": pa.array(["20,30", None, "x"]).dictionary_encode(),
        "tags": [["new", "hot"], ["NA"], None],
    }
    first, second, bad = read(tmp_path, table, mapping)
    assert first == ProductRecord(
        "10",
        "mug",
        "mugs",
        ("10.jpg", "a.jpg", "b.jpg"),
        (("colour", "red"), ("colour", "blue"), ("tags", "new"), ("tags", "hot")),
        1,
        (("related to", "20"), ("related to", "30")),
    )
    assert second == ProductRecord("20", images=("20.jpg",), line=2)
    assert isinstance(bad, RejectedRow)
    assert (bad.line, bad.reason) == (3, "no id")


def test_every_kind_of_column_has_a_text(tmp_path: Path) -> None:
    table = {
        "id": ["1"],
        "int": pa.array([3], pa.int8()),
        "whole": [2.0],
        "part": pa.array([0.1], pa.float32()),
        "nan": [float("nan")],
        "yes": [True],
        "day": [date(2026, 1, 2)],
        "money": [Decimal("1.50")],
        "bytes": [b"raw"],
        "null": pa.nulls(1),
        "dates": [[date(2026, 1, 2)]],
        "nans": [[float("nan"), 1.0]],
    }
    (record,) = read(tmp_path, table)
    assert dict(record.properties) == {
        "int": "3", "whole": "2", "part": "0.1", "yes": "true", "day": "2026-01-02",
        "money": "1.50", "bytes": "raw", "dates": "2026-01-02", "nans": "1",
    }  # fmt: skip


def test_structs_and_maps_flatten(tmp_path: Path) -> None:
    size = pa.struct([("w", pa.float64()), ("h", pa.int64())])
    pair = pa.struct([("name", pa.string()), ("value", pa.string())])
    table = pa.table(
        {
            "id": ["1", "2"],
            "size": pa.array([{"w": 2.0, "h": 3}, None], size),
            "extra": pa.array([[("colour", "red")], []], pa.map_(pa.string(), pa.string())),
            "specs": pa.array([[{"name": "made in", "value": "EU"}], None], pa.list_(pair)),
            "raw": [b"\xff", None],
        }
    )
    bad, _ = read(tmp_path, table)
    assert "not valid UTF-8" in bad.reason
    record, empty = read(tmp_path, table, "id: id\nproperties: [size, extra, specs]\n")
    assert record.properties == (
        ("size.w", "2"), ("size.h", "3"), ("colour", "red"), ("made in", "EU"),
    )  # fmt: skip
    assert empty == ProductRecord("2", line=2)
    with pytest.raises(ConfigError, match=r"'sizes.w', which .* did you mean 'size.w'"):
        read(tmp_path, table, "id: id\nproperties: [sizes.w]\n")


@pytest.mark.parametrize(
    ("cell", "reason"),
    [(b"\xff", "not valid UTF-8"), (b"a\0", "NUL"), (b"x" * (MAX_LINE + 1), "longer than")],
)
def test_a_bad_cell_costs_its_row(tmp_path: Path, cell: bytes, reason: str) -> None:
    wide = {"id": ["1", "2", "3"], "a": [b"x", cell, b"y"]}
    in_list = {"id": ["1", "2", "3"], "a": [[b"x"], [b"z", cell], [b"y"]]}
    for table in (wide, in_list):
        first, bad, last = read(tmp_path, table)
        assert (first.properties, last.properties) == ((("a", "x"),), (("a", "y"),))
        assert isinstance(bad, RejectedRow)
        assert bad.line == 2
        assert reason in bad.reason
        assert len(bad.raw) <= 2000
    long = {"head": ["1"] * 3, "property": ["a"] * 3, "value": [b"x", cell, b"y"]}
    product, bad = read(tmp_path, long)
    assert product.properties == (("a", "x"), ("a", "y"))
    assert (bad.line, reason in bad.reason) == (2, True)


def test_a_row_that_is_no_triple_is_rejected_in_order(tmp_path: Path) -> None:
    long = {
        "head": [None, "1", "1", "1", "", "2", "2"],
        "property": ["a", "a", None, "b", "a", "a", "a"],
        "value": ["x", "x", "x", "y", "x", None, "z"],
    }
    found = read(tmp_path, long)
    assert [(record.line, type(record).__name__[0]) for record in found] == [
        (1, "R"), (2, "P"), (3, "R"), (5, "R"), (6, "P"),
    ]  # fmt: skip
    assert [r.reason for r in found if isinstance(r, RejectedRow)] == [
        "no head", "no property", "no head",
    ]  # fmt: skip
    assert found[1].properties == (("a", "x"), ("b", "y"))
    assert found[4].properties == (("a", "z"),)


def test_a_mapping_speaks_of_properties_in_a_long_table(tmp_path: Path) -> None:
    long = {
        "Subject": ["1"] * 6,
        "predicate": ["name", "col", "related", "col", "pic", "skip"],
        "object": ["mug", "red|blue|NA", "2", "red", "a.jpg", "x"],
    }
    mapping = """
        id: Subject
        title: name
        image: pic
        properties: [col]
        links: {related: related to}
        rename: {col: colour}
        separators: {col: "|"}
        missing: [NA]
    """
    assert read(tmp_path, long, mapping) == [
        ProductRecord(
            "1",
            "mug",
            images=("a.jpg",),
            properties=(("colour", "red"), ("colour", "blue")),
            line=1,
            links=(("related to", "2"),),
        )
    ]
    with pytest.raises(ConfigError, match="`id` must be 'Subject'"):
        read(tmp_path, long, "id: head\n")
    with pytest.raises(ConfigError, match="no image template"):
        read(tmp_path, long, "id: Subject\nimage: '{Subject}.jpg'\n")


cells = st.sampled_from([None, "", "a", " a", "b", "title"])


@given(st.lists(st.tuples(st.sampled_from(["1", "2", "3"]), cells, cells), min_size=1))
def test_long_tables_are_grouped_as_a_plain_loop_would(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple]
) -> None:
    rows.sort(key=lambda row: row[0])
    path = tmp_path_factory.mktemp("long") / "a.arrow"
    schema = pa.schema([(name, pa.string()) for name in LONG])
    columns = [list(column) for column in zip(*rows, strict=True)]
    write(pa.table(columns, schema=schema), path, "file")
    expected: dict[str, dict] = {}
    for head, name, value in rows:
        name, value = (name or "").strip(), (value or "").strip()
        if name:
            product = expected.setdefault(head, {})
            if value:
                product[name, value] = None
    found = {r.id: r for r in ParquetReader().read(path, None) if isinstance(r, ProductRecord)}
    assert found.keys() == expected.keys()
    for head, pairs in expected.items():
        titles = [value for name, value in pairs if name == "title"]
        assert found[head].title == (titles[0] if titles else None)
        own = pairs.keys() - {("title", found[head].title)}
        assert sorted(found[head].properties) == sorted(own)


def test_a_product_may_go_on_in_the_next_batch(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(arrow_batches, "BATCH_ROWS", 2)
    assert read(tmp_path, LONG) == LONG_PRODUCTS


def test_without_id_the_error_shows_a_mapping_to_start_from(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="id: number\ntitle: name"):
        read(tmp_path, {"number": [1], "name": ["x"]})


@pytest.mark.parametrize("form", ["parquet", "file", "stream"])
def test_a_cut_or_damaged_file_is_one_error(tmp_path: Path, form: str) -> None:
    path = tmp_path / "catalog"
    write(pa.table({"id": [str(n) for n in range(1000)], "a": ["x"] * 1000}), path, form)
    content = path.read_bytes()
    for cut in (4, 8, 20, len(content) // 2, len(content) - 9):
        path.write_bytes(content[:cut])
        with pytest.raises(CatalogError, match=str(path)):
            list(ParquetReader().read(path, None))


@pytest.mark.parametrize("name", [b"\xffroperty", b"\0roperty"])
def test_a_column_whose_name_is_no_text_is_one_error(tmp_path: Path, name: bytes) -> None:
    path = tmp_path / "a.arrow"
    write(pa.table(LONG), path, "stream")
    path.write_bytes(path.read_bytes().replace(b"property", name))
    with pytest.raises(CatalogError, match="damaged"):
        list(ParquetReader().read(path, None))


def test_places_outside_of_a_dictionary_are_damage(tmp_path: Path, monkeypatch) -> None:
    outside = pa.DictionaryArray.from_arrays(pa.array([0, 7], pa.int32()), ["x"], safe=False)
    batch = pa.record_batch({"id": outside})
    monkeypatch.setattr(pq.ParquetFile, "iter_batches", lambda *_: iter([batch]))
    with pytest.raises(CatalogError, match="not in its dictionary"):
        read(tmp_path, {"id": ["1", "2"]})


def test_a_table_of_triples_whose_values_are_no_texts_is_one_clear_error(tmp_path: Path) -> None:
    table = pa.table({"head": ["p"], "property": ["a"], "value": pa.array([{}], pa.struct([]))})
    with (
        pa.OSFile(str(tmp_path / "a.arrow"), "wb") as sink,
        pa.ipc.new_file(sink, table.schema) as writer,
    ):
        writer.write_table(table)
    with pytest.raises(CatalogError, match="a column cannot be read"):
        list(ParquetReader().read(tmp_path / "a.arrow", None))


def test_a_row_of_the_graph_table_that_is_no_triple_is_rejected_alone(tmp_path: Path) -> None:
    rows = [
        ("a", "product", "colour", "red", "value"),
        ("a", "product", "colour", None, "value"),
        ("a", "thing", "colour", "red", "value"),
        ("b", "product", "title", "mug", "title"),
        ("b", "product", "title", "mug", "value"),
        ("red", "value", "of", "a", "product"),
        ("c", "product", "title", "cup", "title"),
        ("c", "product", "title", "mug", "title"),
    ]
    names = ("head", "head_kind", "property", "tail", "tail_kind")
    path = tmp_path / "triples.parquet"
    pq.write_table(pa.table(dict(zip(names, zip(*rows, strict=True), strict=True))), path)
    found = list(ParquetReader().read(path, None))
    records = [record for record in found if isinstance(record, ProductRecord)]
    assert records == [
        ProductRecord("a", properties=(("colour", "red"),), line=1),
        ProductRecord("b", "mug", properties=(("title", "mug"),), line=4),
    ]
    rejected = [(row.line, row.reason) for row in found if isinstance(row, RejectedRow)]
    assert [line for line, _ in rejected] == [2, 3, 6, 7]
    for (_, reason), part in zip(
        rejected, ("no tail", "'thing'", "'product'", "title"), strict=True
    ):
        assert part in reason


def test_texts_that_are_all_different_are_no_dictionary(tmp_path: Path) -> None:
    """Arrow would hold all of a row group in one: a million rows took 190 MB more."""
    count = 150_000
    path, mapping = tmp_path / "one-group.parquet", tmp_path / "mapping.yaml"
    mapping.write_text("id: id\n")
    table = {
        "id": [f"a long name of the product of number {number}" for number in range(count)],
        "colour": [("red", "blue", None)[number % 3] for number in range(count)],
    }
    pq.write_table(pa.table(table), path, row_group_size=count)
    before = pa.total_allocated_bytes()
    most = 0
    for number, record in enumerate(ParquetReader().read(path, mapping)):
        assert isinstance(record, ProductRecord)
        assert record.id == table["id"][number]
        assert dict(record.properties).get("colour") == table["colour"][number]
        most = max(most, pa.total_allocated_bytes() - before)
    assert most < 16_000_000
