"""The product export of Wix Stores, for k3m-kg."""

import re

from k3m_kg.api import (
    Confidence,
    NoSettings,
    Note,
    ProductRecord,
    ReaderPlugin,
    RejectedRow,
    hookimpl,
    html_to_text,
    open_table,
    sniffed_rows,
)

NAME = "example-wix"
MARKS = {"handleid", "fieldtype", "name"}
PLAIN = ("brand", "ribbon", "weight", "price")
PAIRS = (
    ("productOptionName{}", "productOptionDescription{}", ";"),
    ("additionalInfoTitle{}", "additionalInfoDescription{}", None),
)


class Wix:
    def sniff(self, path, head):
        rows = sniffed_rows(head)
        ours = bool(rows) and {name.strip().lower() for name in rows[0]} >= MARKS
        return Confidence.STRONG if ours else Confidence.NONE

    def read(self, path, mapping):
        variants = 0
        with open_table(path) as table:
            names = [name.lower() for name in table.header]
            for row in table:
                if isinstance(row, RejectedRow):
                    yield row
                    continue
                cells = dict(zip(names, row.cells, strict=True))
                if cells["fieldtype"].lower() == "variant":
                    variants += 1
                elif not cells["handleid"]:
                    text = ",".join(row.cells)[:2000]
                    yield RejectedRow(row.line, "a product without handleId", text)
                else:
                    yield _product(cells, row.line)
        if variants:
            yield Note(f"{variants:,} rows of variants were left out: they say stock and surcharge")


def _product(cells, line):
    found = [(name, cells.get(name, "")) for name in PLAIN]
    found.append(("description", html_to_text(cells.get("description", ""))))
    for title, text, between in PAIRS:
        for number in range(1, 7):
            name = cells.get(title.format(number).lower(), "")
            value = html_to_text(cells.get(text.format(number).lower(), ""))
            parts = value.split(between) if between else [value]
            found += [(name, re.sub(r"^#[0-9a-fA-F]{3,8}:", "", part.strip())) for part in parts]
    pictures = (url.strip() for url in cells.get("productimageurl", "").split(";"))
    return ProductRecord(
        cells["handleid"],
        cells["name"] or None,
        cells.get("collection", "").split(";")[0].strip() or None,
        images=tuple(dict.fromkeys(filter(None, pictures))),
        properties=tuple(dict.fromkeys(pair for pair in found if all(pair))),
        line=line,
    )


@hookimpl
def k3m_kg_readers():
    summary = "the product CSV of Wix Stores"
    worker = f"{__name__}:Wix"
    return [
        ReaderPlugin(NAME, summary, NoSettings, lambda settings: Wix(), worker, takes_mapping=False)
    ]
