"""The quality of a graph as one HTML file: plots inside, every text of the catalog escaped."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

from k3m_kg.graph.stored import GraphStatus
from k3m_kg.quality.examination import (
    EXAMINED_VALUES,
    LISTED_KINDS,
    GraphQuality,
    PropertyCoverage,
    Suspicion,
)
from k3m_kg.quality.plots import plot_categories, plot_missing, plot_properties

_PLOTTED = 25
_ROWS = 300
_SHOWN_VALUES = 6
_LONGEST_TEXT = 120
_KINDS = {
    "placeholder": "Placeholders: nobody filled the value in",
    "catch-all": "Catch-alls: other, none, see description",
    "spelling": "Spellings that differ by case, spaces, punctuation or accents only",
    "typo": "Rare values one letter away from a frequent one",
    "long": "Values far longer than the others of their property",
}
_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; color: #23282f;
  max-width: 1040px; margin: 40px auto 80px; padding: 0 24px; background: #fff; }
h1 { font-size: 28px; margin: 0 0 4px; } h2 { font-size: 21px; margin: 48px 0 8px; }
h3 { font-size: 16px; margin: 28px 0 6px; }
.note, figcaption { color: #66707b; font-size: 14px; }
.figures { display: flex; flex-wrap: wrap; gap: 12px 36px; margin: 20px 0; }
.figures b { display: block; font-size: 26px; line-height: 1.2; }
.figures span { color: #66707b; font-size: 14px; }
img { max-width: 100%; height: auto; } figure { margin: 16px 0; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums;
  width: 100%; }
th, td { padding: 4px 14px 4px 0; text-align: right; border-bottom: 1px solid #e4e7eb;
  vertical-align: top; overflow-wrap: anywhere; }
th { font-weight: 600; } .text { text-align: left; }
td i { color: #66707b; font-style: normal; }
"""
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def quality_page(where: str, status: GraphStatus, quality: GraphQuality) -> str:
    """The page.

    Args:
        where: the database, for the heading.
    """
    sections = (
        _counts(where, status),
        _missing(status, quality),
        _properties(quality.coverage),
        _suspicious(quality),
        _categories(quality),
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Catalog quality</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(section for section in sections if section)
        + "\n</body></html>\n"
    )


_UNUSUAL = ("between products", "of values")
"""Triples that most catalogs have none of."""


def _counts(where: str, status: GraphStatus) -> str:
    figures = {
        "products": status.products,
        "triples": status.triples,
        "between products": status.links,
        "of values": status.facts,
        "properties": status.properties,
        "values": status.values,
        "pictures": status.images,
    }
    figures = {name: n for name, n in figures.items() if n or name not in _UNUSUAL}
    blocks = "".join(f"<div><b>{n:,}</b><span>{name}</span></div>" for name, n in figures.items())
    return (
        f"<h1>Catalog quality</h1><p class=note>{_text(where)}</p><div class=figures>{blocks}</div>"
    )


def _missing(status: GraphStatus, quality: GraphQuality) -> str:
    page = "<h2>What products lack</h2>"
    page += _figure(plot_missing(status), "Products without a usable picture, title, or triples.")
    page += (
        f"<p>Pictures: {status.images:,} usable, {status.images_failed:,} failed, "
        f"{status.images_not_local:,} URLs not fetched.</p>"
    )
    if quality.image_errors:
        rows = [(_text(one.value), f"{one.count:,}") for one in quality.image_errors]
        page += _table("|why pictures fail", "pictures", rows=rows)
    return page


def _properties(coverage: Sequence[PropertyCoverage]) -> str:
    if not coverage:
        return ""
    plot = plot_properties(coverage[:_PLOTTED])
    rows = [
        (
            f"{number}",
            _text(one.property),
            f"{one.products:,}",
            f"{100 * one.share:.1f} %",
            f"{one.values:,}",
            _frequent(one),
        )
        for number, one in enumerate(coverage[:_ROWS], 1)
    ]
    more = len(coverage) - len(rows)
    caption = f"The {min(_PLOTTED, len(coverage))} properties that most products have."
    return (
        f"<h2>Properties</h2>{_figure(plot, caption)}"
        + _table(
            "no.", "|property", "products", "share", "values", "|most frequent values", rows=rows
        )
        + (f"<p class=note>and {more:,} more; <code>--json</code> has all</p>" if more else "")
    )


def _frequent(one: PropertyCoverage) -> str:
    values = ", ".join(
        f"{_text(value.value, 40)} <i>{value.count:,}</i>"
        for value in one.most_frequent[:_SHOWN_VALUES]
    )
    if one.units:
        units = ", ".join(f"{_text(unit or 'none')} {n:,}" for unit, n in one.units.items())
        values += f"<br><i>units: {units}</i>"
    return values


def _suspicious(quality: GraphQuality) -> str:
    found = quality.suspicious
    page = (
        "<h2>What looks wrong</h2><p class=note>Guesses from counts and spelling: look before you "
        f"change anything. Of each property the {EXAMINED_VALUES:,} most frequent values were "
        "looked at.</p>"
    )
    empty = True
    for kind in LISTED_KINDS:
        listed = [one for one in found.listed if one.kind == kind]
        if listed:
            empty = False
            page += (
                f"<h3>{_KINDS[kind]}</h3><p class=note>{found.values[kind]:,} values, "
                f"{found.triples[kind]:,} times</p>"
            )
            page += _table(
                "|property", "|value", "times", "|like", "times", rows=map(_suspicion, listed)
            )
    if found.similar_properties:
        empty = False
        rows = [
            (_text(s.property), f"{s.products:,}", _text(s.like), f"{s.like_products:,}")
            for s in found.similar_properties
        ]
        page += "<h3>Properties that are probably one</h3>"
        page += _table("|property", "products", "|like", "products", rows=rows)
    if found.repeated_titles:
        empty = False
        titles = [(_text(one.value), f"{one.count:,}") for one in found.repeated_titles]
        page += (
            "<h3>Titles of several products</h3><p class=note>"
            f"{found.products_with_repeated_title:,} products share a title with another</p>"
        )
        page += _table("|title", "products", rows=titles)
    return page + ("<p>Nothing.</p>" if empty else "")


def _suspicion(one: Suspicion) -> tuple[str, ...]:
    like = ("", "") if one.like is None else (_text(one.like), f"{one.like_count:,}")
    property_ = "<i>title</i>" if one.property is None else _text(one.property)
    return (property_, _text(one.value), f"{one.count:,}", *like)


def _categories(quality: GraphQuality) -> str:
    if not quality.categories:
        return ""
    shown = quality.categories[:_PLOTTED]
    caption = f"The {len(shown)} largest of {quality.category_count:,} categories."
    rows = [
        (f"{number}", _text(one.value), f"{one.count:,}") for number, one in enumerate(shown, 1)
    ]
    return f"<h2>Products per category</h2>{_figure(plot_categories(shown), caption)}" + _table(
        "no.", "|category", "products", rows=rows
    )


def _table(*head: str, rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are HTML already; a column whose head begins with | holds text."""
    kinds = [" class=text" if name.startswith("|") else "" for name in head]
    top = "".join(
        f"<th{kind}>{name.lstrip('|')}</th>" for kind, name in zip(kinds, head, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(kinds, row, strict=True))
        + "</tr>\n"
        for row in rows
    )
    return f"<table><tr>{top}</tr>\n{body}</table>"


def _text(text: str, longest: int = _LONGEST_TEXT) -> str:
    """A catalog's text as HTML: cut, escaped, and kept from turning what stands around it."""
    cut = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return f"<bdi>{escape(''.join(c if c.isprintable() else '�' for c in cut))}</bdi>"


def _figure(png: bytes, caption: str) -> str:
    data = base64.b64encode(png).decode()
    return (
        f'<figure><img src="data:image/png;base64,{data}" alt="{caption}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )
