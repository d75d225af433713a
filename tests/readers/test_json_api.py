"""Documents of JSON:API whose products are told by what is `included`, as shops write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from k3m_kg.readers.choosing import choose_reader
from k3m_kg.readers.mapped import json_api
from k3m_kg.records import Note, ProductRecord, RejectedRow


def _ref(kind: str, id_: str) -> dict[str, Any]:
    return {"type": kind, "id": id_}


def _one(kind: str, id_: str) -> dict[str, Any]:
    return {"data": _ref(kind, id_)}


def _many(kind: str, *ids: str) -> dict[str, Any]:
    return {"data": [_ref(kind, id_) for id_ in ids]}


def _resource(kind: str, id_: str, attributes: Any = None, **related: Any) -> dict[str, Any]:
    found = _ref(kind, id_) | {"attributes": attributes or {}, "relationships": related}
    return found | {"links": {"self": f"https://shop.example/api/{kind}/{id_}"}}


SHOPWARE = {
    "data": [
        _resource(
            "product", "018d", {"productNumber": "SW-1", "name": "Mug", "ean": None, "stock": 5},
            manufacturer=_one("product_manufacturer", "m1"), tax=_one("tax", "t1"),
            categories=_many("category", "c2"), cover=_one("product_media", "pm1"),
            properties=_many("property_group_option", "o1", "o2"),
        ),
        _resource("product", "018e", {"name": "Plate"}, manufacturer={"data": None}, media={}),
    ],
    "included": [
        _resource("category", "c1", {"name": "Kitchen"}),
        _resource("category", "c2", {"name": "Mugs"}, parent=_one("category", "c1")),
        _resource("product_manufacturer", "m1", {"name": "Acme", "link": "https://acme.example"}),
        _resource("product_media", "pm1", {"position": 1}, media=_one("media", "md1")),
        _resource("media", "md1", {"url": "https://cdn.example/mug.jpg", "alt": "a mug"}),
        _resource(
            "property_group_option", "o1", {"name": "red"}, group=_one("property_group", "g1")
        ),
        _resource(
            "property_group_option", "o2", {"name": "9 cm"}, group=_one("property_group", "g2")
        ),
        _resource("property_group", "g1", {"name": "Colour"}),
        _resource("property_group", "g2", {"name": "Height"}),
    ],
    "meta": {"total": 2},
}  # fmt: skip
SPREE = {
    "data": [
        _resource(
            "product", "1", {"name": "Denim Shirt", "description": "Soft", "price": "19.99"},
            product_properties=_many("product_property", "11", "12"),
            taxons=_many("taxon", "2", "3"), images=_many("image", "4", "5"),
            vendor=_one("vendor", "77"),
        )
    ],
    "meta": {"count": 1, "total_count": 1, "total_pages": 1},
    "links": {"self": "https://shop.example", "next": None},
    "included": [
        _resource("product_property", "11", {"name": "Material", "value": "Cotton"}),
        _resource("product_property", "12", {"name": "Fit", "value": "Loose", "show": True}),
        _resource("taxon", "2", {"name": "Shirts", "pretty_name": "Clothing -> Shirts"}),
        _resource("taxon", "3", {"name": "New"}),
        _resource("image", "4", {"position": 1, "original_url": "https://cdn.example/front.jpg"}),
        _resource("image", "5", {"styles": [{"url": "https://cdn.example/back.jpg", "width": 1}]}),
    ],
}  # fmt: skip
ELASTIC_PATH = {
    "data": [
        _resource(
            "product", "9f", {"sku": "CH-1", "name": "Chair"},
            main_image=_one("main_image", "a1"), brands=_many("brand", "b1"),
        )
    ],
    "included": {
        "main_images": [_ref("main_image", "a1") | {"link": {"href": "https://f.example/a1.png"}}],
        "brands": [_resource("brand", "b1", {"name": "Wood & Co"})],
    },
}  # fmt: skip


def _read(folder: Path, *documents: Any) -> tuple[dict[str, ProductRecord], list[str]]:
    path = folder / "answer.json"
    path.write_text("\n".join(map(json.dumps, documents)), encoding="utf-8")
    chosen = choose_reader(path)
    assert chosen.name == "json"
    found = list(chosen.reader.read(path, None))
    assert not [record for record in found if isinstance(record, RejectedRow)]
    notes = [record.text for record in found if isinstance(record, Note)]
    return {one.id: one for one in found if isinstance(one, ProductRecord)}, notes


def test_related_resources_say_their_names_and_pictures_their_addresses(tmp_path: Path) -> None:
    found, notes = _read(tmp_path, SHOPWARE)
    mug = found["018d"]
    assert (mug.title, mug.category) == ("Mug", "Kitchen > Mugs")
    assert mug.images == ("https://cdn.example/mug.jpg",)
    assert set(mug.properties) == {
        ("productNumber", "SW-1"), ("stock", "5"), ("manufacturer", "Acme"), ("tax", "t1"),
        ("Colour", "red"), ("Height", "9 cm"),
    }  # fmt: skip
    assert (found["018e"].title, found["018e"].properties) == ("Plate", ())
    assert any("1 related resource" in note and "tax" in note for note in notes)
    assert not any("items=" in note for note in notes)


def test_names_with_values_are_properties(tmp_path: Path) -> None:
    (shirt,) = _read(tmp_path, SPREE)[0].values()
    assert (shirt.id, shirt.title, shirt.category) == ("1", "Denim Shirt", "Shirts")
    assert shirt.images == ("https://cdn.example/front.jpg", "https://cdn.example/back.jpg")
    assert shirt.properties == (
        ("description", "Soft"), ("price", "19.99"), ("Material", "Cotton"), ("Fit", "Loose"),
        ("categories", "New"), ("vendor", "77"),
    )  # fmt: skip


def test_included_resources_may_stand_under_their_types(tmp_path: Path) -> None:
    (chair,) = _read(tmp_path, ELASTIC_PATH)[0].values()
    assert (chair.title, chair.images) == ("Chair", ("https://f.example/a1.png",))
    assert chair.properties == (("sku", "CH-1"), ("brands", "Wood & Co"))


def test_a_document_of_one_product(tmp_path: Path) -> None:
    (mug,) = _read(tmp_path, SHOPWARE | {"data": SHOPWARE["data"][0]})[0].values()  # type: ignore[index]
    assert (mug.title, mug.category) == ("Mug", "Kitchen > Mugs")


def test_pages_one_after_the_other(tmp_path: Path) -> None:
    found, _ = _read(tmp_path, SPREE, SPREE | {"data": [SPREE["data"][0] | {"id": "2"}]})  # type: ignore[index]
    assert [one.category for one in found.values()] == ["Shirts", "Shirts"]


def test_what_is_related_in_a_circle_ends(tmp_path: Path) -> None:
    circle = [
        _resource("category", "a", {"name": "A"}, parent=_one("category", "b")),
        _resource("category", "b", {"name": "B"}, parent=_one("category", "a")),
    ]
    data = [_resource("product", "1", {"name": "x"}, categories=_many("category", "a"))]
    (only,) = _read(tmp_path, {"data": data, "included": circle})[0].values()
    assert only.category == "B > A"


def test_a_product_with_too_much_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_api, "MAX_LINE", 200)
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(SHOPWARE))
    found = choose_reader(path).reader.read(path, None)
    first, second = (record for record in found if not isinstance(record, Note))
    assert isinstance(first, RejectedRow)
    assert "related" in first.reason
    assert isinstance(second, ProductRecord)
