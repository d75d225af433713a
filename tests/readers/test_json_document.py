from __future__ import annotations

import json
from pathlib import Path

import pytest

from k3m_kg.errors import CatalogError, K3MError
from k3m_kg.readers.choosing import choose_reader
from k3m_kg.readers.json_document import JSONDocumentReader
from k3m_kg.readers.lines import MAX_LINE
from k3m_kg.records import CatalogRecord, ProductRecord, RejectedRow

TWO = [{"id": 1, "title": "Tee", "price": "1.50"}, {"id": 2, "title": 'M\u00fcg "x\\'}]


def written(folder: Path, text: str, name: str = "a.json") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path, *settings: str) -> list[CatalogRecord]:
    chosen = choose_reader(path, overrides=settings)
    assert chosen.name == "json"
    return list(chosen.reader.read(path, None))


def ids(records: list[CatalogRecord]) -> list[tuple[str, int]]:
    return [(r.id, r.line) for r in records if isinstance(r, ProductRecord)]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "document",
    [TWO, {"products": TWO}, {"count": 2, "tags": ["a"], "next": {"x": [1]}, "products": TWO}],
)
def test_a_list_of_products_is_found(tmp_path: Path, indent: int | None, document: object) -> None:
    records = read(written(tmp_path, json.dumps(document, indent=indent)))
    assert [record for record, _ in ids(records)] == ["1", "2"]
    first, second = records
    assert isinstance(first, ProductRecord)
    assert isinstance(second, ProductRecord)
    assert first.properties == (("price", "1.50"),)
    assert second.title == 'M\u00fcg "x\\'


def test_lines_are_those_of_the_document(tmp_path: Path) -> None:
    text = '\n{"products": [\n{"id": 1,\n"x": "y"},\n\n{"id": 2}]}'
    assert ids(read(written(tmp_path, text))) == [("1", 3), ("2", 6)]


def test_a_list_that_lies_deeper_is_named(tmp_path: Path) -> None:
    text = json.dumps({"data": {"shop": {"skip": [{"a": 1}], "items": TWO}}})
    path = written(tmp_path, text)
    chosen = choose_reader(path, "json", ["items=data.shop.items"])
    assert [id_ for id_, _ in ids(list(chosen.reader.read(path, None)))] == ["1", "2"]
    with pytest.raises(CatalogError, match="no list at 'gone'"):
        list(choose_reader(path, "json", ["items=data.gone"]).reader.read(path, None))


def test_a_mapping_applies_as_to_json_lines(tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps([{"key": "a", "n": {"v": 1}}, {"key": "b"}]))
    (tmp_path / "m.yaml").write_text("id: key\n")
    first, _ = JSONDocumentReader().read(path, tmp_path / "m.yaml")
    assert isinstance(first, ProductRecord)
    assert (first.id, first.properties) == ("a", (("n.v", "1"),))


def test_an_error_names_the_document_and_no_copy(tmp_path: Path) -> None:
    path = written(tmp_path, '[{"colour": "red"}]')
    with pytest.raises(K3MError) as caught:
        read(path)
    assert "k3m-kg-" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_what_is_no_product_is_rejected_alone(tmp_path: Path) -> None:
    long = json.dumps({"id": "long", "x": 'y"\\' * MAX_LINE})
    deep = '{"id": "deep", "x": ' + "[" * 60_000 + "]" * 60_000 + "}"
    text = f'[{{"id": 1}},\n7,\n{long},\n{deep},\n[],\n{{"id": 2}}]'
    records = read(written(tmp_path, text))
    assert ids(records) == [("1", 1), ("2", 6)]
    rejected = {r.line: r.reason for r in records if isinstance(r, RejectedRow)}
    assert set(rejected) == {2, 3, 4, 5}
    assert rejected[2] == "not an object in braces"
    assert "too long" in rejected[3]
    assert "nested too deep" in rejected[4]


@pytest.mark.parametrize("text", ['[{"id": 1}', '[{"id": 1} {"id": 2}]', '[{"id": 1}, {"id" 2}]'])
def test_a_damaged_document_is_one_error(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(CatalogError) as caught:
        read(path)
    assert f"{path}:1" in str(caught.value)


def test_json_lines_and_linked_data_are_none(tmp_path: Path) -> None:
    lines = '{"id": 1, "variants": [{"a": 1}]}\n{"id": 2}\n'
    assert choose_reader(written(tmp_path, lines)).name == "jsonl"
    assert (
        choose_reader(written(tmp_path, '{"items": [{"a": 1}]}\n{"items": []}\n')).name == "jsonl"
    )
    linked = '{"@context": {}, "@graph": [{"@id": "a:b"}]}'
    assert JSONDocumentReader().sniff(Path("a.json"), linked.encode()) == 0


def test_any_cut_of_the_blocks_reads_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = {"skip": 'a"]\\', "more": [[{"x": "}"}]], "n": 1.5, "list": TWO, "after": None}
    path = written(tmp_path, json.dumps(document, ensure_ascii=False, indent=1))
    expected = list(JSONDocumentReader().read(path, None))
    assert len(expected) == 2
    for size in (1, 2, 3, 7):
        monkeypatch.setattr("k3m_kg.readers.json_document._BLOCK", size)
        assert list(JSONDocumentReader().read(path, None)) == expected
