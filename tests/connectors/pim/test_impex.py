from __future__ import annotations

from pathlib import Path

import pytest

from k3m_kg.errors import CatalogError
from k3m_kg.readers.choosing import choose_reader
from k3m_kg.records import Note, ProductRecord, RejectedRow

from .. import EXAMPLES, told, values, written


def _found(path: Path, *settings: str) -> tuple[dict[str, ProductRecord], list[str], list[str]]:
    name, records = told(path, *settings)
    assert name == "impex"
    return (
        {one.id: one for one in records if isinstance(one, ProductRecord)},
        [one.text for one in records if isinstance(one, Note)],
        [one.reason for one in records if isinstance(one, RejectedRow)],
    )


def test_what_all_headers_say_of_a_product() -> None:
    found, notes, rejected = _found(EXAMPLES / "products.impex")
    shirt = found["SHIRT-1"]
    assert (shirt.title, shirt.category) == ("Linen shirt", "Clothes > Shirts")
    assert shirt.images == ("/shop/import/images/1200Wx1200H/shirt.jpg",)
    assert values(shirt) == {
        "manufacturerName": ["Acme"], "ean": ["4006381333931"], "unit": ["pieces"],
        "name (de)": ["Leinenhemd"], "description": ['Soft, "washed"; breathes.'],
        "material": ["Linen"], "category": ["collection_spring"],
    }  # fmt: skip
    assert shirt.links == (("crosselling", "MUG-1"),)
    assert (found["MUG-1"].category, found["MUG-1"].images) == (
        "Clothes", ("https://cdn.example/mug.jpg",),
    )  # fmt: skip
    variant = found["SHIRT-1-M"]
    assert variant.links == (("variant of", "SHIRT-1"),)
    assert (variant.title, variant.category) == (shirt.title, shirt.category)
    assert values(variant)["size"] == ["M"]
    assert rejected == []
    assert any("PriceRow (1)" in note for note in notes)
    assert any("lines of code (#%) that were not run: 1;" in note for note in notes)


def test_another_language() -> None:
    found, _, _ = _found(EXAMPLES / "products.impex", "language=de")
    assert found["SHIRT-1"].title == "Leinenhemd"
    assert found["SHIRT-1"].category == "Kleidung > Hemden"


def test_rows_of_all_shapes(tmp_path: Path) -> None:
    text = (
        ";X;above\n"
        'INSERT_UPDATE Product;code;name;"keywords";tags(code)[collection-delimiter=|]\n'
        '"#% beforeEach:\nline.clear();"\n'
        ";A;Mug;\\\nclay;a|b:Default:Online\n"
        ";;no code\n"
        ";B;<ignore>;<null>;(-)c\n"
        "Product;C;Cup;;(+)d,e;;\n"
        ";D;too;many;cells;here\n"
        "REMOVE Product;code[unique=true]\n"
        ";B\n"
    )
    found, notes, rejected = _found(written(tmp_path, text, "x.impex"))
    assert list(found) == ["A", "C"]
    assert found["A"].properties == (("keywords", "clay"), ("tags", "a"), ("tags", "b"))
    assert found["C"].properties == (("tags", "d,e"),)
    assert [reason.split(",")[0] for reason in rejected] == [
        "stands above every header", "no code", "expected 4 cells as in the header",
        "says that the product 'B' is to be removed",
    ]  # fmt: skip
    assert "not run: 2;" in notes[0]


def test_macros_that_grow_beyond_all_bounds_are_an_error(tmp_path: Path) -> None:
    macros = "".join(f"${n}x=${n - 1}x${n - 1}x\n" for n in range(1, 40))
    text = f"$0x=aaaaaaaa\n{macros}INSERT Product;code\n;$39x\n"
    with pytest.raises(CatalogError, match="macro"):
        _found(written(tmp_path, text, "x.impex"))


def test_a_file_without_products_says_what_it_has(tmp_path: Path) -> None:
    with pytest.raises(CatalogError) as error:
        _found(written(tmp_path, "INSERT User;uid\n;admin\n", "x.impex"))
    assert "User (1)" in str(error.value.hint)


def test_categories_in_a_circle_end(tmp_path: Path) -> None:
    text = (
        "INSERT Category;code;name;supercategories(code)\n;a;A;b\n;b;B;a\n"
        "INSERT Product;code;supercategories(code)\n;1;a\n"
    )
    assert _found(written(tmp_path, text, "x.impex"))[0]["1"].category == "B > A"


def test_a_table_with_rows_that_begin_so_is_none(tmp_path: Path) -> None:
    text = "name;sku\nUpdate notes;A\nINSERT Card;B\n"
    assert choose_reader(written(tmp_path, text)).name == "csv"
