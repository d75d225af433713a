from __future__ import annotations

from pathlib import Path

import pytest

from k3m_kg.errors import ConfigError
from k3m_kg.records import RejectedRow, ValueRecord

from .. import EXAMPLES, products, told, values, written

PRODUCTS = EXAMPLES / "akeneo-products.csv"
MODELS = EXAMPLES / "akeneo-models.csv"


def test_locales_currencies_and_units_are_read_from_the_names_of_columns() -> None:
    mug = products(PRODUCTS, "akeneo")["mug-blue"]
    assert (mug.title, mug.category) == ("Blue mug", "tableware")
    assert values(mug) == {
        "collection": ["spring_2026", "autumn_2026"],
        "color": ["blue"],
        "description": ["Dishwasher & oven safe"],
        "ean": ["4006381333931"],
        "name (fr_FR)": ["Tasse bleue"],
        "price": ["9.50 EUR"],
        "weight": ["350.0000 GRAM"],
        "categories": ["mugs"],
    }
    assert mug.images == ("files/m/u/mug.jpg",)
    assert mug.links == (("x-sell", "tee-white"), ("pack", "tee-white-s"))


def test_another_locale_can_be_preferred() -> None:
    mug = products(PRODUCTS, "akeneo", "locale=fr_FR")["mug-blue"]
    assert mug.title == "Tasse bleue"
    assert values(mug)["name (en_US)"] == ["Blue mug"]
    assert values(mug)["description (en_US)"] == ["Dishwasher & oven safe"]
    assert products(PRODUCTS, "akeneo", "locale=fr_CA")["mug-blue"].title == "Tasse bleue"


def test_products_inherit_from_their_models_on_both_levels() -> None:
    found = products(PRODUCTS, "akeneo", f"models={MODELS}")
    assert list(found) == ["tee-white-s", "tee-white-m", "mug-blue"]
    small = found["tee-white-s"]
    assert small.title == "Tee"
    assert small.images == ("files/t/e/tee-white.jpg",)
    assert small.links == (("variant of", "tee-white"), ("x-sell", "mug-blue"))
    shown = values(small)
    assert (shown["size"], shown["color"], shown["material"]) == (["s"], ["white"], ["cotton"])
    assert shown["price"] == ["19.00 EUR", "21.00 USD"]
    assert shown["description"] == ["Soft and plain"]
    alone = products(PRODUCTS, "akeneo")["tee-white-s"]
    assert (alone.title, alone.links[0]) == (None, ("variant of", "tee-white"))


def test_models_are_products_too() -> None:
    found = products(MODELS, "akeneo")
    assert found["tee-white"].title == "Tee"
    assert found["tee-white"].links == (("variant of", "tee"),)
    assert values(found["tee-white"])["material"] == ["cotton"]


def test_a_model_may_come_before_the_one_above_it(tmp_path: Path) -> None:
    head = "code;family_variant;parent;categories;color;name-en_US\n"
    rows = "c;f;b;;;\nb;f;a;;red;\na;f;;;;Top\nx;f;y;;;\ny;f;x;;;\n"
    found = products(written(tmp_path, head + rows), "akeneo")
    assert list(found) == ["a", "b", "c", "x", "y"]
    assert (found["c"].title, values(found["c"])) == ("Top", {"color": ["red"]})
    assert found["x"].links == (("variant of", "y"),)


def test_of_families_it_is_read_what_their_codes_mean() -> None:
    name, records = told(EXAMPLES / "akeneo-families.csv")
    assert name == "akeneo"
    first = records[0]
    assert isinstance(first, ValueRecord)
    assert first.value == "clothing"
    assert first.properties[:2] == (("label-en_US", "Clothing"), ("label-fr_FR", "Vêtements"))


def test_models_must_be_models() -> None:
    with pytest.raises(ConfigError, match="no export of product models"):
        told(PRODUCTS, f"models={PRODUCTS}")


def test_a_row_without_an_identifier_is_rejected(tmp_path: Path) -> None:
    text = "ref;categories;enabled;family;groups;decimal\n;a;1;f;;\nA;;1;f;;75,5000\n"
    rejected, product = told(written(tmp_path, text))[1]
    assert isinstance(rejected, RejectedRow)
    assert (rejected.line, rejected.reason) == (2, "no ref")
    assert not isinstance(product, RejectedRow | ValueRecord)
    assert (product.id, product.properties) == ("A", (("decimal", "75,5000"),))


def test_a_column_without_a_code_has_its_whole_name(tmp_path: Path) -> None:
    file = written(
        tmp_path, "sku;categories;enabled;family;-en_US;-unit;size -en_US\nA;c;1;f;x;y;z\n"
    )
    assert values(products(file, "akeneo")["A"]) == {
        "-en_US": ["x"], "-unit": ["y"], "size": ["z"], "categories": ["c"],
    }  # fmt: skip
