from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from k3m_kg.errors import CatalogError, K3MError
from k3m_kg.readers.choosing import choose_reader
from k3m_kg.readers.json.document import JSONDocumentReader
from k3m_kg.readers.json.outline import outline
from k3m_kg.readers.lines import MAX_LINE
from k3m_kg.records import CatalogRecord, Note, ProductRecord, RejectedRow

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
    lines = '{"order": 1, "items": [{"a": 1}]}\n{"order": 2, "items": []}\n'
    assert choose_reader(written(tmp_path, lines)).name == "jsonl"
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
        monkeypatch.setattr("k3m_kg.readers.json.text._BLOCK", size)
        assert list(JSONDocumentReader().read(path, None)) == expected


def told(path: Path) -> tuple[dict[str, ProductRecord], list[str]]:
    records = read(path)
    products = {record.id: record for record in records if isinstance(record, ProductRecord)}
    return products, [record.text for record in records if isinstance(record, Note)]


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize(
    "document",
    [
        {"data": {"items": TWO}, "meta": {"total": 2, "links": [{"x": 1}]}},
        {"filters": [{"id": "f"}, {"id": "g"}, {"id": "h", "x": "long" * 99}], "products": TWO},
        {"data": {"products": {"edges": [{"node": one, "cursor": "x"} for one in TWO]}}},
        {"hits": {"total": 2, "hits": [{"_id": str(one["id"]), "_source": one} for one in TWO]}},
        {"products": {"x": TWO[0], "y": TWO[1]}, "count": 2},
        {"x": TWO[0], "y": TWO[1]},
    ],
)
def test_products_are_found_wherever_they_lie(
    tmp_path: Path, indent: int | None, document: object
) -> None:
    products, _ = told(written(tmp_path, json.dumps(document, indent=indent)))
    assert {id_: product.title for id_, product in products.items()} == {
        "1": "Tee", "2": 'M\u00fcg "x\\',
    }  # fmt: skip


def test_what_else_may_be_the_products_is_told(tmp_path: Path) -> None:
    document = {"filters": [{"id": 7}], "result": {"items": TWO}}
    products, (note,) = told(written(tmp_path, json.dumps(document)))
    assert len(products) == 2
    assert "the objects in 'result.items'" in note
    assert "'filters'" in note


def test_keys_are_the_ids_of_products_without_one(tmp_path: Path) -> None:
    document = {"a1": {"name": "Mug", "size": {"w": 1}}, "b2": {"name": "Cup"}}
    products, (note,) = told(written(tmp_path, json.dumps(document)))
    assert {id_: product.title for id_, product in products.items()} == {"a1": "Mug", "b2": "Cup"}
    assert "their keys, which are their ids" in note


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_a_page_on_each_line(tmp_path: Path, name: str) -> None:
    pages = [{"page": page, "items": [one], "next": None} for page, one in enumerate(TWO)]
    text = "".join(json.dumps(page) + "\n" for page in pages)
    products, _ = told(written(tmp_path, text, name))
    assert list(products) == ["1", "2"]


def test_one_object_after_the_other(tmp_path: Path) -> None:
    text = "\n".join(json.dumps(one, indent=2) for one in TWO)
    assert ids(read(written(tmp_path, text))) == [("1", 1), ("2", 6)]
    one = {"sku": "A", "images": [{"src": "a.jpg"}]}
    (only,) = read(written(tmp_path, json.dumps(one, indent=1)))
    assert isinstance(only, ProductRecord)
    assert only.images == ("a.jpg",)


def test_variants_in_a_product_are_products(tmp_path: Path) -> None:
    tee = {
        "id": 1, "title": "Soft tee", "vendor": "Acme",
        "options": [{"name": "Size", "values": ["S", "M"]}],
        "variants": [{"sku": "T-S", "title": "S", "option1": "S"},
                     {"sku": "T-M", "title": "Soft tee M", "option1": "M", "vendor": "Bolt"}],
    }  # fmt: skip
    cap = {"id": 2, "title": "Cap", "variants": [{"sku": "C", "title": "Default Title"}]}
    products, (note,) = told(written(tmp_path, json.dumps({"products": [tee, cap]})))
    assert list(products) == ["1", "T-S", "T-M", "2", "C"]
    assert "called by their 'sku'" in note
    small, middle = products["T-S"], products["T-M"]
    assert (small.title, middle.title, products["C"].title) == ("Soft tee", "Soft tee M", "Cap")
    assert small.properties == (("Size", "S"), ("vendor", "Acme"))
    assert middle.properties == (("Size", "M"), ("vendor", "Bolt"))
    assert small.links == (("variant of", "1"),)


def test_variants_by_a_mapping(tmp_path: Path) -> None:
    items = [{"sku": "A", "kinds": [{"code": "A", "size": "U"}, {"size": "L"}, {"code": "B"}]}]
    path = written(tmp_path, json.dumps(items))
    (tmp_path / "m.yaml").write_text("id: sku\nvariants: {within: kinds, id: code}\n")
    product, rejected, variant = JSONDocumentReader().read(path, tmp_path / "m.yaml")
    assert isinstance(product, ProductRecord)
    assert ("size", "U") in product.properties  # the product itself is the first of them
    assert isinstance(rejected, RejectedRow)
    assert "a variant without an id in 'code', of the product 'A'" in rejected.reason
    assert isinstance(variant, ProductRecord)
    assert (variant.id, variant.links) == ("B", (("variant of", "A"),))


def test_values_with_their_type_as_mongodb_writes_them(tmp_path: Path) -> None:
    line = {"_id": {"$oid": "5f"}, "name": "Mug", "price": {"$numberDecimal": "1.50"}}
    (product,) = told(written(tmp_path, json.dumps([line])))[0].values()
    assert (product.id, product.properties) == ("5f", (("price", "1.50"),))


def test_a_title_in_an_object_around_all_that_is_said(tmp_path: Path) -> None:
    items = [{"id": "1", "attributes": {"name": "Mug", "size": "L"}}]
    products, (note,) = told(written(tmp_path, json.dumps({"data": items})))
    assert products["1"].title == "Mug"
    assert "'attributes.name'" in note


@pytest.mark.parametrize(
    "text",
    [
        '{"a": "' + r"\"" * 400_000,
        '{"a": "' + "\\" * 400_001,
        '{"a":' * 100_000,
        "{" + ",".join(f'"{n}":{{"a":{{"x":1}},"b":{{"x":1}}}}' for n in range(4_000)) + "}",
        "}]" * 50_000,
        '{"a"}' * 20_000,
    ],
)
def test_what_a_document_is_takes_no_time(text: str) -> None:
    outline(text)


@pytest.mark.parametrize("seed", range(20))
def test_no_document_breaks_the_outline(seed: int) -> None:
    draw = random.Random(seed)
    parts = ['"a"', '"id"', "{", "}", "[", "]", ",", ":", "1", '"', "\\", '{"id":1}', '"items":[{']
    for _ in range(300):
        outline("".join(draw.choices(parts, k=draw.randint(1, 40))))
