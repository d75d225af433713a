from __future__ import annotations

from pathlib import Path

from k3m_kg.records import RejectedRow

from .. import EXAMPLES, products, told, values, written


def test_nutriments_of_the_table_have_their_units() -> None:
    found = products(EXAMPLES / "openfoodfacts.csv", "openfoodfacts")
    juice = found["0004006381333"]
    assert (juice.title, juice.category) == ('Orange juice "pure"', "Juices")
    assert juice.images == ("https://cdn.example/juice.400.jpg",)
    assert values(juice) == {
        "generic_name": ["Fruit juice"],
        "quantity": ["1 l"],
        "serving_size": ["200 ml"],
        "ingredients_text": ["Oranges"],
        "nutriscore_grade": ["c"],
        "nova_group": ["1"],
        "brands": ["Sunfold", "Northfold"],
        "packaging": ["Brick"],
        "labels": ["Organic"],
        "origins": ["Spain"],
        "countries": ["France", "Germany"],
        "traces": ["Milk"],
        "categories": ["Beverages", "Juices"],
        "energy-kj per 100 g": ["188 kJ"],
        "energy-kcal per 100 g": ["45 kcal"],
        "fat per 100 g": ["0.1 g"],
        "sodium per 100 g": ["0.004 g"],
        "alcohol per 100 g": ["0 % vol"],
        "nutrition-score-fr per 100 g": ["3"],
    }


def test_lines_say_the_same_and_their_unit_is_not_that_of_another_amount() -> None:
    found = products(EXAMPLES / "openfoodfacts.jsonl", "openfoodfacts")
    juice = found["0004006381333"]
    assert values(juice)["sodium per 100 g"] == ["0.004 g"]
    assert values(juice)["energy-kcal per 100 g"] == ["45 kcal"]
    assert values(juice)["brands"] == ["Sunfold", "Northfold"]
    assert values(juice)["labels"] == ["en:organic"]
    assert values(juice)["generic_name"] == ["Fruit juice"]
    assert juice.category == "en:juices"
    assert juice.images[0].endswith("/000/400/638/1333/front_en.12.400.jpg")
    assert found["0614141000036"].title == "Sel de mer"


def test_what_has_no_code_is_rejected(tmp_path: Path) -> None:
    text = '{"code":"","nutriments":{},"states_tags":[]}\n{"code":\n[1]\n'
    records = told(written(tmp_path, text, "off.jsonl"))[1]
    assert [r.reason for r in records if isinstance(r, RejectedRow)] == [
        "no code",
        "no JSON: Expecting value at character 9",
        "not an object in braces",
    ]


def test_text_that_cannot_be_stored_is_rejected(tmp_path: Path) -> None:
    text = '{"code":"1","nutriments":{},"states_tags":[],"product_name":"a\\ud800b"}\n'
    (rejected,) = told(written(tmp_path, text, "off.jsonl"))[1]
    assert isinstance(rejected, RejectedRow)
    assert "lone surrogates" in rejected.reason
