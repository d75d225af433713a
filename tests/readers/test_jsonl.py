"""JSON Lines with nested attributes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from k3m_kg.errors import CatalogError, ConfigError
from k3m_kg.readers.json.jsonl import JSONLinesReader
from k3m_kg.readers.lines import MAX_LINE
from k3m_kg.records import Note, ProductRecord, RejectedRow


def read(tmp_path: Path, content: str | bytes, mapping: str | None = None) -> list:
    file, mapping_file = tmp_path / "catalog.jsonl", tmp_path / "mapping.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    if mapping is not None:
        mapping_file.write_text(mapping, encoding="utf-8")
    found = JSONLinesReader().read(file, mapping_file if mapping is not None else None)
    return [record for record in found if not isinstance(record, Note)]


def one(tmp_path: Path, mapping: str | None = None, **product: object) -> ProductRecord:
    (record,) = read(tmp_path, json.dumps({"id": "1", **product}), mapping)
    assert isinstance(record, ProductRecord), record
    return record


def test_the_usual_names_need_no_mapping(tmp_path: Path) -> None:
    line = {"sku": 7, "name": " mug ", "images": ["a.jpg", "b.jpg"], "category": "mugs", "c": "red"}
    assert read(tmp_path, json.dumps(line)) == [
        ProductRecord("7", "mug", "mugs", ("a.jpg", "b.jpg"), (("c", "red"),), 1)
    ]


def test_names_of_later_lines_count_for_the_guess(tmp_path: Path) -> None:
    first, second = read(tmp_path, '{"sku": "1"}\n\n{"sku": "2", "title": "x"}\n')
    assert (first.id, second.title, second.line) == ("1", "x", 3)


def test_objects_flatten_and_lists_give_several_values(tmp_path: Path) -> None:
    record = one(tmp_path, size={"width": 10, "box": {"x": 1}}, colour=["red", ["blue", "red"]])
    assert record.properties == (
        ("size.width", "10"), ("size.box.x", "1"), ("colour", "red"), ("colour", "blue"),
    )  # fmt: skip


@pytest.mark.parametrize("key", ["name", "key"])
def test_a_list_of_names_and_values_is_properties(tmp_path: Path, key: str) -> None:
    record = one(
        tmp_path,
        attributes=[
            {key: "colour", "value": ["red", "blue"]},
            {key: "made", "value": {"in": "EU"}},
        ],
        others=[{key: "x", "unit": "y"}],
    )
    assert record.properties == (
        ("colour", "red"), ("colour", "blue"), ("made.in", "EU"),
        (f"others.{key}", "x"), ("others.unit", "y"),
    )  # fmt: skip


def test_numbers_stay_as_written_and_null_is_missing(tmp_path: Path) -> None:
    line = '{"id": 00, "a": 1}\n{"id": 1, "a": 1.50, "b": 1e400, "c": true, "d": null, "e": NaN, '
    line += '"f": "", "g": " ", "h": [], "i": {}, "j": 123456789012345678901234567890, "k": false}'
    bad, good = read(tmp_path, line)
    assert "no JSON" in bad.reason
    assert good.properties == (
        ("a", "1.50"), ("b", "1e400"), ("c", "true"), ("j", "123456789012345678901234567890"),
        ("k", "false"),
    )  # fmt: skip


def test_a_mapping_names_paths(tmp_path: Path) -> None:
    mapping = """
        id: codes.sku
        title: text.title
        category: path
        image: ["photos.url", "img/{codes.sku}.jpg"]
        properties: [specs, codes.ean, "tags"]
        links: {related: related to}
        rename: {specs.colour: Colour}
        separators: {tags: "|", related: ","}
        missing: ["-"]
        missing_in: {tags: [none]}
    """
    line = {
        "codes": {"sku": "A1", "ean": "4"},
        "text": {"title": "mug", "long": "not wanted"},
        "path": "mugs",
        "photos": [{"url": "a.jpg"}, {"url": "b.jpg"}],
        "specs": [{"name": "colour", "value": "red"}, {"name": "size", "value": "-"}],
        "tags": "new|none| hot |new",
        "related": "A2, A3,-",
    }
    assert read(tmp_path, json.dumps(line), mapping) == [
        ProductRecord(
            "A1",
            "mug",
            "mugs",
            ("a.jpg", "b.jpg", "img/A1.jpg"),
            (("codes.ean", "4"), ("Colour", "red"), ("tags", "new"), ("tags", "hot")),
            1,
            (("related to", "A2"), ("related to", "A3")),
        )
    ]


def test_a_second_category_is_kept_as_property(tmp_path: Path) -> None:
    record = one(tmp_path, categories=["mugs", "kitchen"])
    assert (record.category, record.properties) == ("mugs", (("categories", "kitchen"),))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "no JSON"),
        (b"[1]", "not an object"),
        (b"7", "not an object"),
        (b'{"name": "x"}', "no id: 'id'"),
        (b'{"id": ""}', "no id"),
        (b'{"id": "1", "": true}', "a value without a name: 'true'"),
        (b'{"id": "\\ud800"}', "surrogates"),
        (b'{"id": "1", "a": "\\u0000"}', "NUL character"),
        (b'{"id": "1", "a\\u0000": "x"}', "NUL character"),
        (b'{"id": "\xff"}', "invalid UTF-8 at byte 9"),
        (b'{"id": "1", "a": ' + b"[" * 100_000, "nested too deep"),
        (b'{"id": "1", "a": ' + b"[" * 900 + b"1" + b"]" * 900 + b"}", ""),
        (b'{"id": "1", "' + b"n" * 600 + b'": "x"}', "a name longer than 500"),
        (b'{"id": "' + b"x" * MAX_LINE + b'"}', "line longer than"),
    ],
)
def test_a_bad_line_costs_only_itself(tmp_path: Path, line: bytes, reason: str) -> None:
    found = read(tmp_path, b'{"id": "1"}\n' + line + b'\n{"id": "3"}\n')
    assert [record.line for record in found] == [1, 2, 3]
    assert isinstance(found[2], ProductRecord)
    if reason:
        assert isinstance(found[1], RejectedRow)
        assert reason in found[1].reason
        assert len(found[1].raw) <= 2000


def test_names_that_add_up_take_no_memory(tmp_path: Path) -> None:
    tree: object = "x"
    for _ in range(400):
        tree = {"some name": tree}
    (bad,) = read(tmp_path, json.dumps({"id": "1", "a": tree}), "id: id\n")
    assert "a name longer than" in bad.reason


def test_without_id_the_error_shows_a_mapping_to_start_from(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="name of an id") as raised:
        read(tmp_path, '{"number": 1, "Product Name": "x"}')
    assert "id: number\ntitle: Product Name" in str(raised.value)


def test_a_file_without_any_object_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="none of its first lines"):
        read(tmp_path, "1\n2\n")


def test_settings_of_delimited_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="`delimiter` is a setting of delimited text"):
        read(tmp_path, '{"id": 1}', "id: id\ndelimiter: ','\n")


def test_sniff() -> None:
    def sniff(name: str, head: bytes) -> float:
        return JSONLinesReader().sniff(Path(name), head)

    assert sniff("a", b'\xef\xbb\xbf{"id": 1}\n')
    assert sniff("a.json", b'{"id": 1}')
    assert sniff("a.jsonl.gz", b'{"id": broken')
    assert sniff("a", b'{"id": "' + b"x" * 65_000)
    assert not sniff("a.jsonld", b'{"@context": "https://schema.org"}')
    assert not sniff("a", b"{\n")
    assert not sniff("a.jsonl", b"id,name\n")
    assert not sniff("a", b'"id"')


@pytest.mark.parametrize(
    "text", ['[{"id": "1"},\n{"id": "2"}]', '[\n  {"id": "1"}\n]', '[{"id": "1"}]']
)
def test_an_array_is_refused_with_the_format_that_reads_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "array.json"
    path.write_text(text)
    with pytest.raises(CatalogError, match="is one JSON document") as failure:
        list(JSONLinesReader().read(path, None))
    assert "--format json" in (failure.value.hint or "")


def test_a_name_that_cannot_be_stored_rejects_each_of_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"id": "1", "\\ud800": "x"}\n{"id": "2", "\\ud800": "x"}\n{"id": "3", "b": "y"}\n'
    )
    first, second, third = JSONLinesReader().read(path, None)
    assert isinstance(first, RejectedRow)
    assert isinstance(second, RejectedRow)
    assert third == ProductRecord("3", properties=(("b", "y"),), line=3)
