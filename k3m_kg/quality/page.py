"""The quality of a graph as one HTML file: plots inside, every text of the catalog escaped."""

from __future__ import annotations

from collections.abc import Sequence

from k3m_kg.graph.stored import GraphStatus
from k3m_kg.pages.html import document, figure, table, text, tiles
from k3m_kg.quality.contradictions import Contradictions
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
_KINDS = {
    "placeholder": "Placeholders: nobody filled the value in",
    "catch-all": "Catch-alls: other, none, see description",
    "spelling": "Spellings that differ by case, spaces, punctuation or accents only",
    "typo": "Rare values one letter away from a frequent one",
    "long": "Values far longer than the others of their property",
}


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
        _contradictions(quality.contradictions),
        _categories(quality),
    )
    return document("Catalog quality", sections)


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
    shown = tiles({name: f"{n:,}" for name, n in figures.items()})
    return f"<h1>Catalog quality</h1><p class=note>{text(where)}</p>{shown}"


def _missing(status: GraphStatus, quality: GraphQuality) -> str:
    page = "<h2>What products lack</h2>"
    page += figure(plot_missing(status), "Products without a usable picture, title, or triples.")
    page += (
        f"<p>Pictures: {status.images:,} usable, {status.images_failed:,} failed, "
        f"{status.images_not_local:,} URLs not fetched.</p>"
    )
    if quality.image_errors:
        rows = [(text(one.value), f"{one.count:,}") for one in quality.image_errors]
        page += table("|why pictures fail", "pictures", rows=rows)
    return page


def _properties(coverage: Sequence[PropertyCoverage]) -> str:
    if not coverage:
        return ""
    plot = plot_properties(coverage[:_PLOTTED])
    rows = [
        (
            f"{number}",
            text(one.property),
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
        f"<h2>Properties</h2>{figure(plot, caption)}"
        + table(
            "no.", "|property", "products", "share", "values", "||most frequent values", rows=rows
        )
        + (f"<p class=note>and {more:,} more; <code>--json</code> has all</p>" if more else "")
    )


def _frequent(one: PropertyCoverage) -> str:
    values = ", ".join(
        f"{text(value.value, 40)} <i>{value.count:,}</i>"
        for value in one.most_frequent[:_SHOWN_VALUES]
    )
    if one.units:
        units = ", ".join(f"{text(unit or 'none')} {n:,}" for unit, n in one.units.items())
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
            page += table(
                "|property", "|value", "times", "|like", "times", rows=map(_suspicion, listed)
            )
    if found.similar_properties:
        empty = False
        rows = [
            (text(s.property), f"{s.products:,}", text(s.like), f"{s.like_products:,}")
            for s in found.similar_properties
        ]
        page += "<h3>Properties that are probably one</h3>"
        page += table("|property", "products", "|like", "products", rows=rows)
    if found.repeated_titles:
        empty = False
        titles = [(text(one.value), f"{one.count:,}") for one in found.repeated_titles]
        page += (
            "<h3>Titles of several products</h3><p class=note>"
            f"{found.products_with_repeated_title:,} products share a title with another</p>"
        )
        page += table("|title", "products", rows=titles)
    return page + ("<p>Nothing.</p>" if empty else "")


def _contradictions(found: Contradictions) -> str:
    if not found.products:
        return ""
    counts = [(text(name), f"{n:,}") for name, n in [*found.by_property.items()][:_ROWS]]
    said = [
        (
            text(one.product),
            text(one.property or one.kind),
            "<br>".join(f"{text(value)} <i>{text(name)}</i>" for name, value in one.values),
        )
        for one in found.listed[:_ROWS]
    ]
    return (
        "<h2>Where sources contradict each other</h2><p class=note>"
        f"{found.products:,} products of which two sources say two things</p>"
        + table("|property", "products", rows=counts)
        + table("|product", "|property", "|who says what", rows=said)
    )


def _suspicion(one: Suspicion) -> tuple[str, ...]:
    like = ("", "") if one.like is None else (text(one.like), f"{one.like_count:,}")
    property_ = "<i>title</i>" if one.property is None else text(one.property)
    return (property_, text(one.value), f"{one.count:,}", *like)


def _categories(quality: GraphQuality) -> str:
    if not quality.categories:
        return ""
    shown = quality.categories[:_PLOTTED]
    caption = f"The {len(shown)} largest of {quality.category_count:,} categories."
    rows = [(f"{number}", text(one.value), f"{one.count:,}") for number, one in enumerate(shown, 1)]
    return f"<h2>Products per category</h2>{figure(plot_categories(shown), caption)}" + table(
        "no.", "|category", "products", rows=rows
    )
