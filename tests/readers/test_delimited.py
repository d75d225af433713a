"""CSV and TSV with a mapping, in every state that they come in."""

from __future__ import annotations

import random
from io import StringIO
from pathlib import Path

import pytest

from k3m_kg.errors import CatalogError, ConfigError, K3MError
from k3m_kg.readers.cells import MAX_COLUMNS
from k3m_kg.readers.csv.delimited import DelimitedReader
from k3m_kg.readers.csv.header import read_header
from k3m_kg.readers.csv.rows import read_rows
from k3m_kg.readers.lines import MAX_LINE, TextLines
from k3m_kg.records import Note, ProductRecord, RejectedRow, ValueRecord

SIMPLE = "id: id\ntitle: name\n"


def read(
    tmp_path: Path, content: str | bytes, mapping: str | None = SIMPLE
) -> list[ProductRecord | RejectedRow]:
    file, mapping_file = tmp_path / "catalog.csv", tmp_path / "mapping.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    if mapping is not None:
        mapping_file.write_text(mapping, encoding="utf-8")
    found = DelimitedReader().read(file, mapping_file if mapping is not None else None)
    return [record for record in found if not isinstance(record, Note)]


def products(found: list[ProductRecord | RejectedRow]) -> list[ProductRecord]:
    assert all(isinstance(record, ProductRecord) for record in found), found
    return [record for record in found if isinstance(record, ProductRecord)]


def test_columns_become_what_the_mapping_says(tmp_path: Path) -> None:
    content = "sku,name,photo,kind,colour,size\n1, coat ,a.jpg,coats,red,L\n2,,,,,\n"
    mapping = "id: sku\ntitle: name\nimage: photo\ncategory: kind\nproperties: [size, colour]\n"
    assert read(tmp_path, content, mapping) == [
        ProductRecord("1", "coat", "coats", ("a.jpg",), (("size", "L"), ("colour", "red")), 2),
        ProductRecord("2", line=3),
    ]


def test_a_star_takes_every_other_column(tmp_path: Path) -> None:
    content = ",id,name,colour,size\n0,1,coat,red,L\n"
    (record,) = products(read(tmp_path, content, "id: id\ntitle: name\nproperties: '*'\n"))
    assert record.properties == (("colour", "red"), ("size", "L"))


def test_properties_may_be_renamed_and_cells_hold_lists(tmp_path: Path) -> None:
    content = "id,name,col,pics\n1,coat,red| blue ||red,a.jpg;b.jpg\n"
    mapping = SIMPLE + "image: pics\nrename: {col: colour}\nseparators: {col: '|', pics: ';'}\n"
    (record,) = products(read(tmp_path, content, mapping))
    assert record.properties == (("colour", "red"), ("colour", "blue"))
    assert record.images == ("a.jpg", "b.jpg")


def test_only_what_the_mapping_lists_is_missing(tmp_path: Path) -> None:
    content = "id,name,a,b\n1,None,NA,null\n2,x,-,-\n"
    kept, other = products(read(tmp_path, content))
    assert kept.title == "None"
    assert kept.properties == (("a", "NA"), ("b", "null"))
    assert other.properties == (("a", "-"), ("b", "-"))

    marked = products(
        read(tmp_path, content, SIMPLE + "missing: [NA, None]\nmissing_in: {b: ['-']}\n")
    )
    assert marked[0].title is None
    assert [record.properties for record in marked] == [(("b", "null"),), (("a", "-"),)]


def test_an_image_template_is_filled_or_the_image_is_missing(tmp_path: Path) -> None:
    mapping = "id: id\nimage: ['{folder}/{id}.jpg', extra]\nproperties: [name]\n"
    content = "id,folder,name,extra\n1,men,a,b.png\n2,,a,\n3,{id},a,\n"
    assert [record.images for record in products(read(tmp_path, content, mapping))] == [
        ("men/1.jpg", "b.png"),
        (),
        ("{id}/3.jpg",),
    ]


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_the_delimiter_is_found_in_the_header(tmp_path: Path, delimiter: str) -> None:
    content = delimiter.join(("id", "name", "a")) + "\n" + delimiter.join(("1", "x", "y")) + "\n"
    assert products(read(tmp_path, content))[0].properties == (("a", "y"),)


def test_line_numbers_are_right_after_multi_line_cells(tmp_path: Path) -> None:
    content = 'id,name,a\r\n1,"two\r\nlines",x\r\n\r\n2,"say ""hi""",y\r\n3\r\n4,z,w\r\n'
    found = read(tmp_path, content)
    assert [record.line for record in found] == [2, 5, 6, 7]
    assert isinstance(found[2], RejectedRow)
    first, second = found[:2]
    assert isinstance(first, ProductRecord)
    assert isinstance(second, ProductRecord)
    assert first.title == "two\r\nlines"
    assert second.title == 'say "hi"'


@pytest.mark.parametrize("row", ["1", "1,x,y,z"])
def test_a_ragged_row_is_rejected_alone(tmp_path: Path, row: str) -> None:
    bad, good = read(tmp_path, f"id,name,a\n{row}\n2,x,y\n")
    assert isinstance(good, ProductRecord)
    assert isinstance(bad, RejectedRow)
    assert "expected 3 columns" in bad.reason
    assert (bad.line, bad.raw) == (2, row)


def test_a_row_without_id_is_rejected_and_one_without_anything_is_no_row(tmp_path: Path) -> None:
    (bad,) = read(tmp_path, "id,name,a\n,x,y\n,,\n\n")
    assert isinstance(bad, RejectedRow)
    assert bad.reason == "no id"


@pytest.mark.parametrize(
    ("bad_row", "reason"),
    [
        (b"2,\xff\xfe,y", "not valid in the file's encoding"),
        (b"2,a\0b,y", "NUL character"),
        (b'2,"a"b,y', "quotes do not balance"),
        (b"2," + b"x" * (MAX_LINE + 10) + b",y", "line longer than"),
    ],
)
def test_a_bad_row_costs_only_itself(tmp_path: Path, bad_row: bytes, reason: str) -> None:
    found = read(tmp_path, b"id,name,a\n1,x,y\n" + bad_row + b"\n3,x,y\n")
    assert [record.line for record in found] == [2, 3, 4]
    assert isinstance(found[1], RejectedRow)
    assert reason in found[1].reason
    assert len(found[1].raw) <= 2000
    assert isinstance(found[2], ProductRecord)


def test_a_quote_that_never_closes_costs_one_row(tmp_path: Path) -> None:
    rows = "".join(f"{n},x,y\n" for n in range(3, 1000))
    found = read(tmp_path, 'id,name,a\n1,x,y\n2,"x,y\n' + rows)
    assert [record.line for record in found if isinstance(record, RejectedRow)] == [3]
    assert sum(isinstance(record, ProductRecord) for record in found) == 998


def test_a_row_with_a_quote_that_closes_late_says_where(tmp_path: Path) -> None:
    (bad,) = read(tmp_path, 'id,name,a\n1,"x,y\n2,x,y\n3,x,5"\n')
    assert isinstance(bad, RejectedRow)
    assert "runs to line 4" in bad.reason


def test_a_file_full_of_open_quotes_ends_soon(tmp_path: Path) -> None:
    rows = 'x","\n' * 1_000_000  # each opens a quote, and leaves one that is open open
    lines = TextLines(StringIO("id,name\n" + rows))
    _, dialect = read_header(lines, None, tmp_path)
    with pytest.raises(CatalogError, match="quotes of this file do not balance") as raised:
        list(read_rows(lines, dialect, tmp_path))
    assert "quote: null" in str(raised.value)
    assert lines.read < 16 * MAX_LINE  # what it gave back and read again included


def test_too_many_columns_are_one_error(tmp_path: Path) -> None:
    header = ",".join(f"c{number}" for number in range(MAX_COLUMNS + 1))
    with pytest.raises(CatalogError, match="50,001 columns; at most 50,000"):
        read(tmp_path, f"{header}\n", "id: c0\n")


def test_a_file_that_quotes_nothing_can_say_so(tmp_path: Path) -> None:
    content = 'id\tname\ta\n1\t"5 inch\t6"\n'
    (record,) = products(read(tmp_path, content, SIMPLE + "quote: null\n"))
    assert (record.title, record.properties) == ('"5 inch', (("a", '6"'),))


@pytest.mark.parametrize(
    ("encoding", "setting"),
    [("utf-8-sig", "utf-8"), ("utf-16", "utf-16"), ("cp1252", "cp1252"), ("gb18030", "gb18030")],
)
def test_encodings_and_a_bom(tmp_path: Path, encoding: str, setting: str) -> None:
    name = "红" if encoding == "gb18030" else "Größe"
    content = f"id,name,a\n1,{name},x\n".encode(encoding)
    (record,) = products(read(tmp_path, content, SIMPLE + f"encoding: {setting}\n"))
    assert record.title == name


def test_a_truncated_utf16_file_is_no_traceback(tmp_path: Path) -> None:
    content = "id,name,a\n1,x,y\n2,x,y\n".encode("utf-16")[:-3]
    with pytest.raises(CatalogError, match="set `encoding`"):
        read(tmp_path, content, SIMPLE + "encoding: utf-16\n")


@pytest.mark.parametrize("encoding", ["klingon", "base64", "hex"])
def test_an_encoding_that_is_none_is_named(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(ConfigError, match=encoding):
        read(tmp_path, "id,name\n1,x\n", SIMPLE + f"encoding: {encoding}\n")


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff", "  \n"])
def test_a_file_without_header_is_an_error(tmp_path: Path, content: str) -> None:
    with pytest.raises(CatalogError, match="no header"):
        read(tmp_path, content)


def test_a_header_that_is_too_long_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="header is longer"):
        read(tmp_path, "x," * MAX_LINE)


@pytest.mark.parametrize("name", [b"\xff", b"n\0"])
def test_a_header_that_is_no_text_is_an_error(tmp_path: Path, name: bytes) -> None:
    with pytest.raises(CatalogError, match="the header cannot be read"):
        read(tmp_path, b"id,name," + name + b"\n1,x,y\n")


def test_a_header_alone_holds_no_product(tmp_path: Path) -> None:
    assert read(tmp_path, "id,name\n") == []


def test_without_mapping_the_error_shows_one_to_start_from(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs a mapping file") as raised:
        read(tmp_path, "SKU,Product Name,Image URL,colour\n1,x,y,z\n", None)
    text = str(raised.value)
    assert "id: SKU\ntitle: Product Name\nimage: Image URL\nproperties: '*'" in text


def test_a_mapping_that_names_no_column_is_told_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        read(tmp_path, "id,productName\n1,x\n", "id: id\ntitle: product_name\n")
    text = str(raised.value)
    assert "`title` names the column 'product_name'" in text
    assert "did you mean 'productName'?" in text
    assert "columns: id, productName" in text


def test_two_columns_of_one_name_are_several_values(tmp_path: Path) -> None:
    (record,) = read(tmp_path, "id,name,a,a,a\n1,x,y,z,y\n")
    assert isinstance(record, ProductRecord)
    assert record.properties == (("a", "y"), ("a", "z"))
    mapping = "id: id\nimage: a\nproperties: []\n"
    (record,) = read(tmp_path, "id,name,a,a\n1,x,y,z\n", mapping)
    assert isinstance(record, ProductRecord)
    assert record.images == ("y", "z")
    with pytest.raises(ConfigError, match="2 columns named 'id'"):
        read(tmp_path, "id,name,id\n1,x,2\n")


@pytest.mark.realdata
def test_the_shipped_fashion_mapping_means_what_it_says(data_dir: Path) -> None:
    source = data_dir / "fashion" / "styles.csv"
    mapping = Path(__file__).parent.parent.parent / "examples" / "fashion" / "mapping.yaml"
    marked = products(list(DelimitedReader().read(source, mapping)))
    assert len(marked) == 9583
    assert sum(len(record.properties) for record in marked) == 76_653
    assert all(record.title and len(record.images) == 1 for record in marked)


@pytest.mark.realdata
def test_without_missing_marker_fashion_keeps_every_na(data_dir: Path, tmp_path: Path) -> None:
    shipped = Path(__file__).parent.parent.parent / "examples" / "fashion" / "mapping.yaml"
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(shipped.read_text().replace('missing: ["NA"]', "missing: []"))
    kept = products(list(DelimitedReader().read(data_dir / "fashion" / "styles.csv", mapping)))
    assert sum(len(record.properties) for record in kept) == 76_664


def test_sniff() -> None:
    def sniff(name: str, head: bytes) -> float:
        return DelimitedReader().sniff(Path(name), head)

    assert sniff("a.csv", b"anything")
    assert sniff("a", b"id,name\n1,x\n")
    assert not sniff("a.jsonl", b'{"id": 1, "name": "x"}\n')
    assert not sniff("a.parquet", b"PAR1\0\0,")
    assert 0 < sniff("a", b"id,name\n") < sniff("a.tsv", b"1\tt\tu\ta#:#b\tc\n") < 0.75


@pytest.mark.parametrize("seed", range(20))
def test_no_bytes_whatever_make_a_traceback(tmp_path: Path, seed: int) -> None:
    generator = random.Random(seed)
    pieces = [b"id,name,a\n", b'"', b",", b"\n", b"\r", b"\0", b"\xff", b"\t", b"x", b"1,x,y\n"]
    for _ in range(40):
        content = b"".join(generator.choices(pieces, k=generator.randrange(60)))
        try:
            found = read(tmp_path, b"id,name,a\n" * generator.randrange(2) + content)
        except K3MError:
            continue
        lines = [record.line for record in found]
        assert lines == sorted(lines)


def test_links_name_other_products(tmp_path: Path) -> None:
    content = 'id,name,related,parent\n1,x,"2, 3,,2",P\n2,y,-,\n'
    mapping = SIMPLE + (
        "links: {related: related to, parent: variant of}\nseparators: {related: ','}\n"
        "missing: ['-']\n"
    )
    first, second = products(read(tmp_path, content, mapping))
    assert first.links == (("related to", "2"), ("related to", "3"), ("variant of", "P"))
    assert (first.properties, second.links) == ((), ())


def test_a_links_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="`links` names the column 'relatet'"):
        read(tmp_path, "id,related\n1,2\n", "id: id\nlinks: {relatet: related to}\n")


def test_a_bad_row_of_an_exported_table_does_not_part_its_subject(tmp_path: Path) -> None:
    path = tmp_path / "triples.csv"
    path.write_bytes(
        b"head,head_kind,property,tail,tail_kind\r\n"
        b"a,product,title,mug,title\r\n"
        b"a,product,colour\r\n"
        b"a,product,size,\xff,value\r\n"
        b"a,product,size,,value\r\n"
        b"\r\n"
        b'a,product,"fits, well",b,product\r\n'
        b"red,value,shade of,warm,value\r\n"
    )
    found = list(DelimitedReader().read(path, None))
    rejected = [row for row in found if isinstance(row, RejectedRow)]
    assert [row.line for row in rejected] == [3, 4, 5]
    for row, part in zip(rejected, ("5 columns", "encoding", "no tail"), strict=True):
        assert part in row.reason
    assert [row for row in found if not isinstance(row, RejectedRow)] == [
        ProductRecord("a", "mug", links=(("fits, well", "b"),), line=2),
        ValueRecord("red", (("shade of", "warm"),), 8),
    ]
