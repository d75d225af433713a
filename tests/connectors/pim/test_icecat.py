from __future__ import annotations

from pathlib import Path

from k3m_kg.records import RejectedRow

from .. import EXAMPLES, products, told, values, written


def test_features_gallery_and_related_products() -> None:
    found = products(EXAMPLES / "icecat.xml", "icecat")
    notebook = found["9001"]
    assert (notebook.title, notebook.category) == ("Brightline 15 notebook", "Notebooks")
    assert values(notebook) == {
        "product code": ["BL-15X"],
        "release date": ["2026-02-01"],
        "EAN": ["0811571013579"],
        "description": ["Fast.\nQuiet."],
        "short description": ["A notebook"],
        "Display diagonal": ['39.6 cm (15.6")'],
        "Internal memory": ["16 GB"],
        "brand": ["Brightline"],
    }
    assert notebook.images == ("https://cdn.example/bl15.jpg", "https://cdn.example/bl15-open.jpg")
    assert notebook.links == (("related", "9002"),)
    assert list(found) == ["9001", "9002"]


def test_what_icecat_does_not_have_is_rejected_with_its_words(tmp_path: Path) -> None:
    text = (
        '<ICECAT-interface><Product Code="-1" ErrorMessage="The requested XML data-sheet is not '
        'present"/><Product/></ICECAT-interface>'
    )
    first, second = told(written(tmp_path, text, "i.xml"))[1]
    assert isinstance(first, RejectedRow)
    assert isinstance(second, RejectedRow)
    assert "Icecat says: The requested" in first.reason
    assert second.reason == "no ID and no Prod_id"
