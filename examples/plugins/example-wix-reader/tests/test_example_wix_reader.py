"""The reader keeps its contract, and reads what the shop means."""

from example_wix_reader import k3m_kg_readers

from k3m_kg.api import Note, RejectedRow
from k3m_kg.testing import ReaderCase

SAMPLE = """\
handleId,fieldType,name,description,productImageUrl,collection,price,productOptionName1,\
productOptionType1,productOptionDescription1,additionalInfoTitle1,additionalInfoDescription1,brand
p1,Product,Mug,<p>A <b>red</b> mug.</p>,https://a.example/1.png;https://a.example/2.png,\
Kitchen;Sale,9.5,Colour,COLOR,#ff0000:Red;#00f:Blue,Care,<p>By hand</p>,Acme
p1,Variant,,,,,,Colour,,Red,,,
p2,Product,Cup,,,,,,,,,,
"""


class TestContract(ReaderCase):
    def record(self):
        return k3m_kg_readers()[0]

    def sample(self, folder):
        path = folder / "catalog_products.csv"
        path.write_text(SAMPLE, encoding="utf-8")
        return path, None


def test_options_sections_and_pictures(tmp_path):
    case = TestContract()
    path, _ = case.sample(tmp_path)
    path.write_text(SAMPLE + ",Product,Lamp,,,,,,,,,,\n", encoding="utf-8")
    mug, cup, rejected, note = case.build().read(path, None)
    assert mug.category == "Kitchen"
    assert len(mug.images) == 2
    assert set(mug.properties) == {
        ("brand", "Acme"),
        ("price", "9.5"),
        ("description", "A red mug."),
        ("Colour", "Red"),
        ("Colour", "Blue"),
        ("Care", "By hand"),
    }
    assert (cup.title, cup.category, cup.properties) == ("Cup", None, ())
    assert isinstance(rejected, RejectedRow)
    assert isinstance(note, Note)
