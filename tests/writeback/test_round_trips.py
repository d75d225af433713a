"""Read, complete, write back, read again: the same graph, for every format that is written."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from k3m_kg.errors import UsageError
from k3m_kg.graph.reviewing.desk import ReviewDesk
from k3m_kg.graph.reviewing.items import DecidedAs, ReviewOffer
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import ProposedCategory, ProposedTriple
from k3m_kg.ingest.options import IngestOptions
from k3m_kg.ingest.pipeline import ingest
from k3m_kg.ingest.quarantine import Quarantine
from k3m_kg.plugin.hookspecs import ReaderPlugin
from k3m_kg.readers.choosing import choose_reader
from k3m_kg.writeback.changes import changes_since
from k3m_kg.writeback.writing import (
    WrittenChanges,
    formats_written,
    source_of,
    sources_told,
    write_changes,
)

EXPORTS = Path(__file__).parents[2] / "examples" / "exports"
CSV = "sku|name|colour|parts|kind\n1|Mug|red|lid, cup|mugs\n2|Cup||cup|\n3|Lamp|blue||\n"
MAGENTO = """\
sku,store_view_code,attribute_set_code,product_type,categories,name,description,additional_attributes
MUG,,Default,simple,"Root/Kitchen,Root/Kitchen/A",Mug,<p>A</p>,"pattern=plain,size=9 cm"
CUP,,Default,simple,Root/Kitchen,Cup,,
"""
MAPPING = """
id: sku
title: name
category: kind
delimiter: "|"
separators: {parts: {between: ", ", escape: "\\\\"}}
rename: {colour: Colour}
"""

OF_ATTRIBUTES = [
    "Attribute 1 name", "Attribute 1 value(s)", "Attribute 1 visible", "Attribute 1 global",
    "Attribute 1 default", "Attribute 2 name", "Attribute 2 value(s)", "Attribute 2 visible",
    "Attribute 2 global",
]  # fmt: skip
"""WooCommerce keeps no attribute of a product that is not in the file."""

FORMATS = {
    "shopify": (
        "shopify.csv",
        [("olive-oil", "Region", "Douro"), ("olive-oil", "Tags", "new"),
         ("LS-M-S", "Barcode", "4006381333931"), ("LS-M-S", "Sleeve", "long")],
        ["Handle", "Title", "Option1 Name", "Option1 Value", "Option2 Name", "Option2 Value",
         "Variant SKU", "Variant Barcode", "Sleeve (variant.metafields.custom.sleeve)",
         "Region (product.metafields.custom.region)", "Tags"],
    ),
    "woocommerce": (
        "woocommerce.csv",
        [("CUP-BLUE", "Colour", "Blue"), ("CUP-BLUE", "Colour", "Green, dark"),
         ("CUP-BLUE", "Glaze", "matt"), ("CUP-BLUE", "Weight", "0.3 kg"),
         ("id:105", "Brands", "Northfold"), ("id:105", "Description", "A <set>\nfor tea"),
         ("id:105", "category", "Gifts")],
        ["ID", "SKU", *OF_ATTRIBUTES, "Attribute 3 name",
         "Attribute 3 value(s)", "Attribute 3 visible", "Attribute 3 global", "Categories",
         "Brands", "Description"],
    ),
    "akeneo": (
        "akeneo-products.csv",
        [("mug-blue", "material", "stoneware"), ("tee-white-s", "color", "white"),
         ("tee-white-m", "description", "Soft, light"),
         ("tee-white-m", "fabric", "cotton"), ("tee-white-m", "fabric", "linen")],
        ["sku", "color", "description-en_US-ecommerce", "fabric", "material"],
    ),
    "google-merchant": (
        "google-merchant.tsv",
        [("TV_1", "material", "glass"), ("TV_1", "Ports", "4"), ("SHIRT_S", "Fit", "wide"),
         ("SHIRT_S", "gender", "unisex")],
        ["id", "gender", "product_detail", "material"],
    ),
    "prestashop": (
        "prestashop-products.csv",
        [("2", "Composition", "Leather"), ("2", "EAN13", "4006381333931"), ("1", "Fit", "Wide"),
         ("2", "Tags", "belt"), ("2", "Tags", "new"), ("2", "Summary", "Soft & wide")],
        ["Product ID", "Reference #", "EAN13", "Summary", "Tags (x,y,z...)",
         "Feature(Name:Value:Position)"],
    ),
    "bigcommerce": (
        "bigcommerce.csv",
        [("OIL-500", "Region", "Douro"), ("OIL-500", "Description", "Cold <pressed>"),
         ("LS-S-M", "UPC/EAN", "4006381333931")],
        ["Item", "ID", "Name", "SKU", "Options", "Custom Fields", "Description", "UPC/EAN"],
    ),
    "magento": (
        "magento.csv",
        [("MUG", "material", "stoneware, glazed"), ("CUP", "pattern", "dots"),
         ("CUP", "pattern", "lines"), ("CUP", "description", "Small & light"),
         ("CUP", "category", "Gifts")],
        ["sku", "additional_attributes", "description", "categories"],
    ),
    "csv": (
        "catalog.csv",
        [("2", "Colour", "=red"), ("3", "parts", "shade, white"), ("3", "parts", "foot"),
         ("3", "power", "40 W")],
        ["sku", "colour", "kind", "parts", "power"],
    ),
}  # fmt: skip
"""Source, what is filled in, and the columns of the file that is written."""


class Shop:
    """A graph, and the files beside it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.store = GraphStore.create(f"sqlite:///{folder}/{name}.db")[0]

    def ingest(self, path: Path, format: str, mapping: Path | None = None) -> None:
        with Quarantine(self.folder / "quarantine.jsonl") as quarantine:
            (report,) = ingest(
                self.store, [path], IngestOptions(format=format, mapping=mapping),
                quarantine=quarantine,
            )  # fmt: skip
        assert report.counts.rows_quarantined == 0

    def propose(self, *offered: ProposedTriple | ProposedCategory) -> None:
        with self.store.writing() as writer:
            writer.propose("model", offered)

    def write(
        self, out: Path, format: str, since: int, mapping: Path | None = None, **options: bool
    ) -> WrittenChanges:
        source = source_of(self.store, format, None)
        chosen = choose_reader(source, format)
        assert isinstance(chosen.record, ReaderPlugin)
        assert chosen.record.changes is not None
        writer = chosen.record.changes(chosen.settings)
        changes = changes_since(self.store, since, format).products
        return write_changes(out, format, writer, source, mapping, changes, **options)

    def products(self) -> dict[str, tuple]:
        return {
            p.id: (p.title, p.category, sorted(p.triples), sorted(p.links), len(p.images))
            for p in self.store.iter_products()
        }


@pytest.fixture(params=FORMATS)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Shop, str, Path | None]:
    name, mapping = FORMATS[request.param][0], None
    if request.param == "magento":
        (tmp_path / name).write_text(MAGENTO)
    elif request.param == "csv":
        (tmp_path / name).write_text(CSV)
        mapping = tmp_path / "mapping.yaml"
        mapping.write_text(MAPPING)
    else:
        shutil.copy(EXPORTS / name, tmp_path / name)
    found = Shop(tmp_path, "first")
    found.ingest(tmp_path / name, request.param, mapping)
    return found, request.param, mapping


def rows_of(path: Path) -> list[list[str]]:
    text = path.read_text()
    delimiter = max(",;\t|", key=text.partition("\n")[0].count)
    return list(csv.reader(text.splitlines(), delimiter=delimiter))


def test_what_was_filled_in_comes_back(shop: tuple[Shop, str, Path | None], tmp_path: Path) -> None:
    first, format, mapping = shop
    name, offered, columns = FORMATS[format]
    first.propose(*(ProposedTriple(*item, 0.9) for item in offered))
    if format == "csv":
        first.propose(ProposedCategory("2", "cups", 0.9))
    out = tmp_path / f"back-{name}"
    report = first.write(out, format, 1, mapping)
    assert report.unwritten == []
    assert set(rows_of(out)[0]) == {*columns, *(["kind"] if format == "csv" else [])}
    again = Shop(tmp_path, "second")
    again.ingest(tmp_path / name, format, mapping)
    assert again.products() != first.products()
    if mapping is not None:
        mapping.write_text(MAPPING + "optional: [name]\n")
    again.ingest(out, format, mapping)
    assert again.products() == first.products()


def test_only_changed_products_and_columns_are_written(
    shop: tuple[Shop, str, Path | None], tmp_path: Path
) -> None:
    first, format, mapping = shop
    _, offered, _ = FORMATS[format]
    product, name, value = offered[0]
    first.propose(ProposedTriple(product, name, value, 0.9))
    out = tmp_path / "back.csv"
    report = first.write(out, format, 1, mapping)
    assert (report.products, report.rows) == (1, 1)
    _, row = rows_of(out)
    assert value in row or any(
        f"{name}{mark}{value}" in cell for cell in row for mark in (":", "=")
    )
    assert len(report.columns) <= (4 if format == "woocommerce" else 2)  # visible and global too
    assert first.write(out, format, 2, mapping).rows == 0
    (header,) = rows_of(out)  # no file without a byte, which no software takes
    assert set(header) <= set(FORMATS[format][2])
    assert header


def test_what_was_filled_in_before_is_not_taken_back(tmp_path: Path) -> None:
    (tmp_path / "catalog.csv").write_text(CSV)
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    shop = Shop(tmp_path, "graph")
    shop.ingest(tmp_path / "catalog.csv", "csv", tmp_path / "mapping.yaml")
    shop.propose(ProposedTriple("2", "power", "40 W", 0.9))
    shop.propose(ProposedTriple("3", "power", "60 W", 0.9), ProposedTriple("2", "glaze", "matt", 1))
    out = tmp_path / "back.csv"
    shop.write(out, "csv", 2, tmp_path / "mapping.yaml")
    header, *rows = rows_of(out)
    assert {row[0]: row[header.index("power")] for row in rows} == {"2": "40 W", "3": "60 W"}


def test_what_changed_before_goes_along_in_columns_of_now_alone(tmp_path: Path) -> None:
    (tmp_path / "catalog.csv").write_text(CSV)
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    shop = Shop(tmp_path, "graph")
    shop.ingest(tmp_path / "catalog.csv", "csv", tmp_path / "mapping.yaml")
    shop.propose(ProposedTriple("2", "power", "40 W", 0.9), ProposedTriple("2", "Colour", "red", 1))
    shop.propose(ProposedTriple("2", "season", "winter", 0.9))
    out = tmp_path / "back.csv"
    shop.write(out, "csv", 2, tmp_path / "mapping.yaml")
    assert rows_of(out) == [["sku", "season"], ["2", "winter"]]


def test_rows_that_were_rejected_do_not_go_back_to_shopify(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(
        "Handle,Title,Variant SKU,Variant Price,Image Src\n"
        "spade,Spade,SP,10,a.jpg\nhoe,,HO,12,\nrake,Rake,RA,9,\nspade,Other spade,OS,11,\n"
    )
    shop = Shop(tmp_path, "graph")
    with Quarantine(tmp_path / "quarantine.jsonl") as quarantine:
        (report,) = ingest(
            shop.store, [path], IngestOptions(format="shopify"), quarantine=quarantine
        )
    assert report.counts.rows_quarantined == 2
    supplier = tmp_path / "supplier.csv"
    supplier.write_text("Handle,Steel\nspade,yes\nhoe,no\nrake,yes\n")
    (tmp_path / "map.yaml").write_text("id: Handle\nproperties: [Steel]\n")
    shop.ingest(supplier, "csv", tmp_path / "map.yaml")
    out = tmp_path / "back.csv"
    shop.write(out, "shopify", 1)
    assert [row[:2] for row in rows_of(out)[1:]] == [["spade", "Spade"], ["rake", "Rake"]]


REJECTED = {
    "woocommerce": ("SKU,Name,Published,Attribute 1 value(s)\nA,Mug,1,\nA,Cup,1,\n", ["A"]),
    "akeneo": ("sku,categories,enabled,family,name\nA,,1,mugs,Mug\nA,,1,mugs,Cup\n", ["A"]),
    "google-merchant": (
        "id\ttitle\timage_link\tavailability\tprice\nA\tMug\ta\tyes\t1\nA\tCup\ta\tyes\t1\n",
        ["A"],
    ),
    "csv": ("sku,name\nA,Mug\nA,Cup\n", ["A"]),
}


@pytest.mark.parametrize("format", REJECTED)
def test_a_row_that_was_rejected_goes_back_to_nobody(tmp_path: Path, format: str) -> None:
    content, ids = REJECTED[format]
    path, mapping = tmp_path / "shop.txt", None
    path.write_text(content)
    if format == "csv":
        mapping = tmp_path / "m.yaml"
        mapping.write_text("id: sku\ntitle: name\n")
    shop = Shop(tmp_path, "graph")
    options = IngestOptions(format=format, mapping=mapping)
    with Quarantine(tmp_path / "quarantine.jsonl") as quarantine:
        (report,) = ingest(shop.store, [path], options, quarantine=quarantine)
    assert report.counts.rows_quarantined == 1
    shop.propose(ProposedTriple("A", "material", "glass", 0.9))
    out = tmp_path / "back.csv"
    shop.write(out, format, 1, mapping)
    assert len(rows_of(out)) == 1 + len(ids)


def test_what_was_filled_in_of_an_unchanged_variant_stays(tmp_path: Path) -> None:
    """The first row of a product goes along, and is the first variant's row too."""
    shutil.copy(EXPORTS / "shopify.csv", tmp_path / "shopify.csv")
    shop = Shop(tmp_path, "graph")
    shop.ingest(tmp_path / "shopify.csv", "shopify")
    shop.propose(
        ProposedTriple("LS-S-W", "Sleeve", "short", 0.9),
        ProposedTriple("linen-shirt", "Region", "Minho", 0.9),
        ProposedTriple("LS-S-W", "Not asked for", "x", 0.9),
    )
    shop.propose(
        ProposedTriple("LS-M-S", "Sleeve", "long", 0.9),
        ProposedTriple("olive-oil", "Region", "Douro", 0.9),
    )
    out = tmp_path / "back.csv"
    report = shop.write(out, "shopify", 2)
    assert (report.products, report.unwritten) == (2, [])
    with out.open(newline="") as file:
        first, sand, oil = csv.DictReader(file)
    sleeve = "Sleeve (variant.metafields.custom.sleeve)"
    region = "Region (product.metafields.custom.region)"
    assert (first["Variant SKU"], first[sleeve], first[region]) == ("LS-S-W", "short", "Minho")
    assert (sand["Variant SKU"], sand[sleeve]) == ("LS-M-S", "long")
    assert oil[region] == "Douro"
    assert not any("asked" in name for name in first)


def test_a_rejected_value_is_taken_back_where_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "catalog.csv").write_text(CSV)
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    shop = Shop(tmp_path, "graph")
    shop.ingest(tmp_path / "catalog.csv", "csv", tmp_path / "mapping.yaml")
    shop.propose(ProposedTriple("2", "power", "40 W", 0.9), ProposedCategory("2", "cups", 0.9))
    desk = ReviewDesk(shop.store, random_share=0.0)
    desk.add("model", [ReviewOffer("2", "power", "40 W", 0.9), ReviewOffer("3", "power", "7", 0.8)])
    for product in ("2", "3"):
        (item,) = [item for item in desk.next("ann", 5) if item.product == product]
        desk.decide("ann", [item.id], DecidedAs.REJECT)
    found = changes_since(shop.store, 2, "csv")
    assert found.products["2"].properties == {"power"}
    assert not found.products["2"].category
    assert (list(found.products), found.decided) == (["2"], ["3"])
    assert not found.products["2"].values("power")
    shop.write(tmp_path / "back.csv", "csv", 2, tmp_path / "mapping.yaml")
    assert rows_of(tmp_path / "back.csv") == [["sku", "power"], ["2", ""]]


def test_each_source_is_told_with_what_it_came_as(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "graph")
    assert sources_told(shop.store) == "the graph has no source"
    (tmp_path / "catalog.csv").write_text(CSV)
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    shop.ingest(tmp_path / "catalog.csv", "csv", tmp_path / "mapping.yaml")
    assert sources_told(shop.store) == "catalog.csv came as csv: --as csv"
    with pytest.raises(UsageError, match="no source of this graph came as shopify") as wrong:
        source_of(shop.store, "shopify", None)
    assert wrong.value.hint == "catalog.csv came as csv: --as csv"
    for path in (tmp_path / "catalog.csv", tmp_path / "moved" / "catalog.csv"):
        with pytest.raises(UsageError, match="came as csv, not as shopify"):
            source_of(shop.store, "shopify", path)
    (tmp_path / "more.jsonl").write_text('{"id": "9", "name": "Pot"}\n')
    shop.ingest(tmp_path / "more.jsonl", "jsonl")
    told = sources_told(shop.store)
    assert "more.jsonl came as jsonl, which is not written; " in told
    assert "`k3m-kg diff RUN --limit 0 --json`" in told


def test_what_was_filled_in_before_is_no_row_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "catalog.csv").write_text(CSV)
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    shop = Shop(tmp_path, "graph")
    shop.ingest(tmp_path / "catalog.csv", "csv", tmp_path / "mapping.yaml")
    shop.propose(ProposedTriple("2", "power", "40 W", 0.9))
    shop.propose(ProposedTriple("3", "power", "60 W", 0.9))
    out = tmp_path / "back.csv"
    shop.write(out, "csv", 2, tmp_path / "mapping.yaml")
    assert rows_of(out)[1:] == [["3", "60 W"]]


def test_a_metafield_of_shopify_is_one_column_whatever_the_case_of_its_name(tmp_path: Path) -> None:
    shutil.copy(EXPORTS / "shopify.csv", tmp_path / "shopify.csv")
    shop = Shop(tmp_path, "graph")
    shop.ingest(tmp_path / "shopify.csv", "shopify")
    supplier = tmp_path / "supplier.csv"
    for heading in ("region", "Region"):
        supplier.write_text(f"Handle,{heading}\nolive-oil,Douro\n")
        (tmp_path / "map.yaml").write_text(f"id: Handle\nproperties: [{heading}]\n")
        shop.ingest(supplier, "csv", tmp_path / "map.yaml")
    out = tmp_path / "back.csv"
    report = shop.write(out, "shopify", 1)
    header, row = rows_of(out)
    assert [name for name in header if "custom.region" in name] == [
        "Region (product.metafields.custom.region)"
    ]
    assert "Douro" in row
    assert report.unwritten == []


def test_woocommerce_is_told_all_attributes_and_the_parents_of_variations(tmp_path: Path) -> None:
    shutil.copy(EXPORTS / "woocommerce.csv", tmp_path / "woocommerce.csv")
    shop = Shop(tmp_path, "graph")
    shop.ingest(tmp_path / "woocommerce.csv", "woocommerce")
    shop.propose(
        ProposedTriple("TEAPOT", "Glaze", "matt", 0.9),
        ProposedTriple("TEAPOT-BLUE", "Length", "9 cm", 0.9),
        ProposedTriple("TEAPOT-BLUE", "Glaze", "matt", 0.9),
    )
    out = tmp_path / "back.csv"
    report = shop.write(out, "woocommerce", 1)
    assert [(item.product, item.what) for item in report.unwritten] == [("TEAPOT-BLUE", "Glaze")]
    with out.open(newline="") as file:
        product, variation = csv.DictReader(file)
    assert product["Attribute 1 name"] == "Colour"
    assert product["Attribute 1 global"] == "1"
    assert product["Attribute 1 default"] == "Blue"
    assert product["Attribute 3 name"] == "Glaze"
    assert (variation["Parent"], variation["Attribute 1 value(s)"]) == ("TEAPOT", "Blue")


WOO_FLAGS = """\
SKU,Name,Attribute 1 name,Attribute 1 value(s),Attribute 1 visible,Attribute 1 global,\
Attribute 2 name,Attribute 2 value(s),Attribute 2 visible,Attribute 2 global
A,Spade,Colour,Red,1,1,Steel,yes,0,0
B,Hoe,colour,Blue,1,1,,,,
C,Rake,Colour,Red,0,0,,,,
D,Fork,,,,,,,,
E,Axe,Handle,Ash,1,0,Length,9 cm,1,0
"""


def test_a_new_attribute_of_woocommerce_is_as_other_rows_have_it(tmp_path: Path) -> None:
    (tmp_path / "shop.csv").write_text(WOO_FLAGS)
    shop = Shop(tmp_path, "graph")
    shop.ingest(tmp_path / "shop.csv", "woocommerce")
    offered = [("D", "Colour", "Red"), ("D", "Steel", "no"), ("E", "Colour", "Red"),
               ("B", "Glaze", "matt")]  # fmt: skip
    shop.propose(*(ProposedTriple(*one, 0.9) for one in offered))
    out = tmp_path / "back.csv"
    report = shop.write(out, "woocommerce", 1)
    assert report.unwritten == []
    with out.open(newline="") as file:
        rows = {row["SKU"]: row for row in csv.DictReader(file)}

    def attribute(sku: str, number: int) -> list[str]:
        kinds = ("name", "value(s)", "visible", "global")
        return [rows[sku][f"Attribute {number} {kind}"] for kind in kinds]

    assert attribute("D", 1) == ["Colour", "Red", "1", "1"]
    assert attribute("D", 2) == ["Steel", "no", "0", "0"]
    assert attribute("E", 3) == ["Colour", "Red", "1", "1"]
    assert attribute("B", 2) == ["Glaze", "matt", "1", "0"]
    assert attribute("B", 1) == ["colour", "Blue", "1", "1"]


def test_a_woocommerce_file_without_flags_gets_none(tmp_path: Path) -> None:
    (tmp_path / "shop.csv").write_text(
        "SKU,Name,Attribute 1 name,Attribute 1 value(s)\nA,Spade,Colour,Red\nB,Hoe,,\n"
    )
    shop = Shop(tmp_path, "graph")
    shop.ingest(tmp_path / "shop.csv", "woocommerce")
    shop.propose(ProposedTriple("B", "Colour", "Red", 0.9))
    shop.write(tmp_path / "back.csv", "woocommerce", 1)
    assert rows_of(tmp_path / "back.csv") == [
        ["SKU", "Attribute 1 name", "Attribute 1 value(s)"],
        ["B", "Colour", "Red"],
    ]


def test_google_loses_neither_further_values_nor_sections(tmp_path: Path) -> None:
    item = "<item><g:id>{}</g:id><g:title>A</g:title><g:image_link>a</g:image_link>{}</item>"
    highlights = "".join(f"<g:product_highlight>{n}</g:product_highlight>" for n in "12")
    detail = (
        "<g:product_detail><g:section_name>Back</g:section_name><g:attribute_name>Ports"
        "</g:attribute_name><g:attribute_value>4</g:attribute_value></g:product_detail>"
    )
    (tmp_path / "feed.xml").write_text(
        '<rss xmlns:g="http://base.google.com/ns/1.0"><channel>'
        + item.format("A", highlights) + item.format("B", detail) + "</channel></rss>"
    )  # fmt: skip
    (tmp_path / "feed.tsv").write_text(
        "id\ttitle\timage_link\tavailability\tproduct_type\tproduct_detail\n"
        "B\tLamp\ta\tin stock\tlamps\tBack:Ports:4\n"
    )
    for source, lost in (("feed.xml", ["product_highlight"]), ("feed.tsv", [])):
        shop = Shop(tmp_path, source)
        shop.ingest(tmp_path / source, "google-merchant")
        offered = [("B", "Fit", "wide"), ("B", "material", "glass")]
        offered += [("B", "product_highlight", "3"), ("A", "material", "wood")] * len(lost)
        shop.propose(*(ProposedTriple(*one, 0.9) for one in offered))
        report = shop.write(tmp_path / "back.tsv", "google-merchant", 1)
        assert [one.what for one in report.unwritten] == lost
        header, *rows = rows_of(tmp_path / "back.tsv")
        assert set(header) == {"id", "material", "product_detail"}
        assert rows[-1][header.index("product_detail")] == "Back:Ports:4,:Fit:wide"


def test_a_mended_source_gives_its_mended_cells(tmp_path: Path) -> None:
    source, mapping, mended = tmp_path / "c.csv", tmp_path / "m.yaml", tmp_path / "mended.csv"
    source.write_text(CSV)
    mapping.write_text(MAPPING)
    shop = Shop(tmp_path, "first")
    shop.ingest(source, "csv", mapping)
    kept = source.read_text()
    source.write_text(CSV.replace("|Mug|red|", "|Big mug|green|"))
    shop.ingest(source, "csv", mapping)
    source.write_text(kept)
    report = shop.write(mended, "csv", 1, mapping)
    assert report.columns == ["name", "colour"]
    assert rows_of(mended) == [["sku", "name", "colour"], ["1", "Big mug", "green"]]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig", "iso2022_jp", "cp1252"])
def test_a_row_is_a_row_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    source, mapping, out = tmp_path / "c.csv", tmp_path / "m.yaml", tmp_path / "back.csv"
    source.write_text(CSV, encoding)
    mapping.write_text(f"{MAPPING}encoding: {encoding}\n")
    shop = Shop(tmp_path, "first")
    shop.ingest(source, "csv", mapping)
    shop.propose(
        ProposedTriple("1", "power", "40 W", 0.9), ProposedTriple("2", "Colour", "a\rb", 0.9)
    )
    assert shop.write(out, "csv", 1, mapping).rows == 2
    with out.open(encoding=encoding, newline="") as file:
        ids = [row[0] for row in csv.reader(file, delimiter="|")]
    assert ids == ["sku", "1", "2"]


def test_what_a_format_cannot_say_is_said(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "first")
    shutil.copy(EXPORTS / "shopify.csv", tmp_path / "shopify.csv")
    shop.ingest(tmp_path / "shopify.csv", "shopify")
    shop.propose(
        ProposedTriple("LS-M-S", "Season", "summer", 0.9),
        ProposedTriple("LS-M-S", "Season", "winter", 0.9),
        ProposedTriple("LS-M-S", "???", "x", 0.9),
        ProposedTriple("LS-M-S", "Google product category", "1604", 0.9),
    )
    report = shop.write(tmp_path / "back.csv", "shopify", 1)
    assert {(item.product, item.what) for item in report.unwritten} == {
        ("LS-M-S", "Season"), ("LS-M-S", "???"),
    }  # fmt: skip
    assert report.columns == [
        "Google product category (variant.metafields.custom.google_product_category)"
    ]


def test_spreadsheets_are_given_nothing_to_run(
    shop: tuple[Shop, str, Path | None], tmp_path: Path
) -> None:
    first, format, mapping = shop
    product, name, _ = FORMATS[format][1][0]
    first.propose(ProposedTriple(product, name, "=1+1", 0.9))
    out = tmp_path / "back.csv"
    first.write(out, format, 1, mapping)
    assert any("=1+1" in cell for cell in rows_of(out)[1])
    first.write(out, format, 1, mapping, spreadsheet=True)
    assert not any(cell.startswith("=") for cell in rows_of(out)[1])


def test_every_format_that_is_written_is_tested() -> None:
    assert set(formats_written()) == set(FORMATS)


def test_what_would_be_read_otherwise_is_said(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text(MAGENTO)
    shutil.copy(EXPORTS / "prestashop-products.csv", tmp_path / "p.csv")
    shop = Shop(tmp_path, "graph")
    shop.ingest(tmp_path / "m.csv", "magento")
    shop.ingest(tmp_path / "p.csv", "prestashop")
    shop.propose(
        ProposedTriple("MUG", "Two words", "x", 0.9),
        ProposedTriple("CUP", "category", "Gifts/Tea", 0.9),
        ProposedTriple("2", "Composition", "Leather: soft", 0.9),
    )
    found = [shop.write(tmp_path / "out.csv", format, 2) for format in ("magento", "prestashop")]
    assert [(one.product, one.what) for report in found for one in report.unwritten] == [
        ("MUG", "Two words"), ("CUP", "category"), ("2", "Composition"),
    ]  # fmt: skip
    assert [report.rows for report in found] == [0, 0]


def test_a_variant_goes_back_below_its_product(tmp_path: Path) -> None:
    shutil.copy(EXPORTS / "bigcommerce.csv", tmp_path / "b.csv")
    shop = Shop(tmp_path, "graph")
    shop.ingest(tmp_path / "b.csv", "bigcommerce")
    shop.propose(
        ProposedTriple("LS-S-M", "UPC/EAN", "1", 0.9), ProposedTriple("LS-S-M", "Fit", "x", 0.9)
    )
    report = shop.write(tmp_path / "out.csv", "bigcommerce", 1)
    assert [row[0] for row in rows_of(tmp_path / "out.csv")] == ["Item", "Product", "Variant"]
    assert [one.what for one in report.unwritten] == ["Fit"]
    assert report.products == 1
