"""The sources that `readers` reads: exports of `examples/exports` repeated, and a made table."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

EXPORTS = Path(__file__).resolve().parent.parent / "examples" / "exports"


class Source(NamedTuple):
    """A source to be repeated.

    Attributes:
        file: of `examples/exports`.
        library: what is measured beside it.
        products: in the part that is repeated.
        ids: beginnings of texts that become others with every repetition.
        begin, end: around the part that is repeated; the first line and nothing, where empty.
        mapping: file, if it needs one.
        more: beginnings and ends of further parts, each repeated in its place.
        between: what stands between repetitions.
    """

    file: str
    library: str
    products: int
    ids: tuple[str, ...]
    begin: str = ""
    end: str = ""
    mapping: str | None = None
    more: tuple[tuple[str, str], ...] = ()
    between: str = ""


SOURCES = {
    "shopify": Source("shopify.csv", "csv", 5, ("linen-shirt", "olive-oil", "LS-", "OIL-")),
    "woocommerce": Source(
        "woocommerce.csv", "csv", 5, ("10", "TEAPOT", "CUP-BLUE"), begin="\n101", end=""
    ),
    "google-merchant": Source("google-merchant.tsv", "csv", 3, ("TV_1", "SHIRT_")),
    "google-merchant-rss": Source(
        "google-merchant-rss.xml", "expat", 2, ("<g:id>",), begin="<item>", end="</channel>"
    ),
    "akeneo": Source("akeneo-products.csv", "csv", 3, ("tee-white-", "mug-blue")),
    "amazon": Source("amazon.txt", "csv", 2, ("TEE",)),
    "salsify": Source("salsify.csv", "csv", 3, ("TV-40", "CAB-1")),
    "salsify-json": Source(
        "salsify.json",
        "json document",
        3,
        ("TV-40", "CAB-1"),
        '  {"salsify:id": "TV-40", "sku"',
        "\n]}\n]",
        between=",\n",
    ),
    "json-api": Source(
        "json-api.json",
        "json document",
        2,
        ("018d", "018e", "pm1", "md1"),
        '  {"type": "product", ',
        '\n],\n"included"',
        more=(('  {"type": "product_media"', '  {"type": "property_group_opt'),),
        between=",\n",
    ),
    "impex": Source(
        "products.impex",
        "csv",
        2,
        ("SHIRT-1", "MUG-1"),
        ";SHIRT-1;shirts",
        "\nINSERT_UPDATE ApparelVariantProduct",
        more=(
            (";SHIRT-1-M;", "\n# What"),
            (";SHIRT-1;Linen", "\nINSERT_UPDATE CategoryProductRel"),
            (";clothes;MUG", "\nINSERT_UPDATE ProductRef"),
            (";SHIRT-1;MUG", "\nINSERT_UPDATE PriceRow"),
        ),
    ),
    "prestashop": Source("prestashop-products.csv", "csv", 0, ()),
    "bigcommerce": Source("bigcommerce.csv", "csv", 4, ("LS", "OIL-")),
    "magento1": Source("magento1.csv", "csv", 4, ("shirt", "oil")),
    "openfoodfacts": Source("openfoodfacts.csv", "csv", 0, ()),
    "openfoodfacts-lines": Source("openfoodfacts.jsonl", "json", 0, ('"code":"', '"code": "'), "{"),
    "amazon-berkeley": Source("amazon-berkeley.jsonl", "json", 2, ("B00EXAMP",), "{"),
    "bmecat": Source(
        "bmecat.xml", "expat", 2, ("<SUPPLIER_AID>", "<ART_ID>"), "<ARTICLE", "</T_NEW_CATALOG>"
    ),
    "icecat": Source("icecat.xml", "expat", 2, (' ID="',), "<Product ", "</ICECAT-interface>"),
    "xml": Source(
        "offers.xml", "expat", 2, ('<offer id="',), "<offer ", "</offers>", mapping="offers.yaml"
    ),
}
TABLE = ("csv", "workbook", "jsonl", "json", "parquet", "rdf")
"""The same ten properties of each product, in the general formats."""


def write_repeated(source: Source, products: int, path: Path) -> None:
    """A source of about `products` products."""
    text = (EXPORTS / source.file).read_text(encoding="utf-8")
    place = 0
    with path.open("w", encoding="utf-8") as file:
        for start, stop in _repeated_parts(source, text):
            file.write(text[place:start])
            place, body = stop, text[start:stop]
            count = source.products or max(body.count("\n"), 1)
            between = source.between if not body.endswith(",\n") else ""
            for number in range(max(products // count, 1)):
                part = between * (number > 0) + body
                if source.ids:
                    for token in source.ids:
                        part = part.replace(token, f"{token}{number}")
                else:
                    part = "".join(_first_cell(row, number) for row in part.splitlines(True))
                file.write(part)
        file.write(text[place:])


def _repeated_parts(source: Source, text: str) -> Iterator[tuple[int, int]]:
    """Where the parts of a file that are repeated begin and end, in order."""
    if not source.begin:
        rows = 3 if source.file == "amazon.txt" else 1
        yield sum(len(line) for line in text.splitlines(keepends=True)[:rows]), len(text)
        return
    start = text.index(source.begin) + source.begin.startswith("\n")
    yield start, text.rindex(source.end) if source.end else len(text)
    for begin, end in source.more:
        start = text.index(begin)
        yield start, text.index(end, start)


def _first_cell(line: str, number: int) -> str:
    mark = next((mark for mark in "\t;" if mark in line), ",")
    first, _, rest = line.partition(mark)
    return f"{first}{number}{mark}{rest}"


def write_table(format: str, products: int, path: Path) -> Path | None:
    """Ten properties of each product in a general format; the mapping that it needs."""
    names = ["id", "title", "category", *(f"p{number}" for number in range(10))]

    def rows() -> Iterator[list[str]]:
        for i in range(products):
            yield [f"sku-{i}", f"Product number {i}", f"c{i % 50}"] + [
                f"value {(i * 7 + number) % 90}" for number in range(10)
            ]

    mapping = path.with_suffix(".yaml")
    mapping.write_text("id: id\ntitle: title\ncategory: category\n")
    if format == "csv":
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([names, *rows()])
    elif format in ("jsonl", "json"):
        lines = [json.dumps(dict(zip(names, row, strict=True))) for row in rows()]
        joined = "\n".join(lines) if format == "jsonl" else f"[{','.join(lines)}]"
        path.write_text(joined)
    elif format == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = list(zip(*rows(), strict=True))
        pq.write_table(pa.table(dict(zip(names, columns, strict=True))), path)
    elif format == "workbook":
        _write_workbook(path, [names, *rows()])
    else:
        with path.open("w") as file:
            for row in rows():
                subject = f"<https://s.example/product/{row[0]}>"
                file.write(f'{subject} <https://schema.org/name> "{row[1]}" .\n')
                for name, value in zip(names[2:], row[2:], strict=True):
                    file.write(f'{subject} <https://s.example/{name}> "{value}" .\n')
        return None
    return mapping


def _write_workbook(path: Path, rows: list[list[str]]) -> None:
    """The least that is a workbook."""
    import zipfile

    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    package = "http://schemas.openxmlformats.org/package/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType='
            '"application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/>'
            f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kinds}.worksheet+xml"/>'
            "</Types>",
        )
        for name, kind, target in (
            ("_rels/.rels", "officeDocument", "xl/workbook.xml"),
            ("xl/_rels/workbook.xml.rels", "worksheet", "worksheets/sheet1.xml"),
        ):
            book.writestr(
                name,
                f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
                f'Type="{office}/{kind}" Target="{target}"/></Relationships>',
            )
        book.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="S" sheetId="1" '
            'r:id="rId1"/></sheets></workbook>',
        )
        with book.open("xl/worksheets/sheet1.xml", "w") as sheet:
            sheet.write(f'<worksheet xmlns="{main}"><sheetData>'.encode())
            for row in rows:
                cells = "".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in row)
                sheet.write(f"<row>{cells}</row>".encode())
            sheet.write(b"</sheetData></worksheet>")
