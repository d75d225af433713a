"""What is said of a name that there is not."""

from __future__ import annotations

from k3m_kg.errors import nearest, unknown_name


def test_few_choices_are_listed_all() -> None:
    said = unknown_name("fusion", "maen", ["mean", "soft-spl"])
    assert said == "unknown fusion 'maen'. Did you mean 'mean'? Choices: mean, soft-spl."


def test_of_many_choices_those_that_are_alike_are_listed() -> None:
    many = [f"property {number}" for number in range(595)] + ["category", "Categories"]
    said = unknown_name("property", "Categry", many)
    assert said.startswith(
        "unknown property 'Categry'. Did you mean 'category'? Choices: 597, such"
    )
    assert "Categories" in said
    assert len(said) < 300


def test_two_letters_that_changed_places_are_one_slip() -> None:
    kinds = ["IMR", "INR", "KMR", "TMR", "TNR"]
    assert nearest("TRM", kinds) == "TMR"
    assert nearest("trm", kinds) == "TMR"
    assert "Did you mean 'TMR'?" in unknown_name("corruption", "TRM", kinds)
    assert nearest("barnd", ["band", "brand"]) == "brand"
    assert nearest("TMR", kinds) == "TMR"


def test_case_does_not_count() -> None:
    assert nearest("COLOUR", ["brand", "colour"]) == "colour"
    assert nearest("xyz", ["brand", "colour"]) is None
