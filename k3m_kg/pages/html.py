"""The parts of a page. Every text that is not ours is escaped, cut, and kept in its own direction.

A page asks nobody for anything: its policy allows no script, no foreign style, font or picture.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_LONGEST_TEXT = 120
_KINDS = ("", " class=text", ' class="text wide"')
_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; color: #23282f;
  max-width: 1040px; margin: 40px auto 80px; padding: 0 24px; background: #fff;
  overflow-wrap: break-word; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 6px; }
h2 { font-size: 21px; margin: 48px 0 8px; }
h3 { font-size: 16px; margin: 28px 0 6px; }
p { margin: 8px 0 12px; max-width: 46em; }
.lead { font-size: 18px; color: #4b5560; }
.note, figcaption { color: #66707b; font-size: 14px; }
.figures { display: flex; flex-wrap: wrap; gap: 12px 36px; margin: 20px 0; }
.figures b { display: block; font-size: 26px; line-height: 1.2; white-space: nowrap; }
.figures span { color: #66707b; font-size: 14px; }
figure { margin: 16px 0; } figure img { max-width: 100%; height: auto; }
.scroll { overflow-x: auto; margin: 12px 0; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 14px 4px 0; text-align: right; border-bottom: 1px solid #e4e7eb;
  vertical-align: top; white-space: nowrap; }
th { font-weight: 600; vertical-align: bottom; }
.text { text-align: left; white-space: normal; overflow-wrap: anywhere; min-width: 12em; }
.wide { min-width: 24em; }
td i { color: #66707b; font-style: normal; }
.best { font-weight: 700; color: #1f5fa8; }
.products { display: grid; gap: 20px;
  grid-template-columns: repeat(auto-fill, minmax(min(270px, 100%), 1fr)); }
.product { border: 1px solid #e4e7eb; border-radius: 10px; padding: 16px; font-size: 14px;
  min-width: 0; overflow-wrap: anywhere; }
.product header { display: flex; gap: 14px; min-height: 96px; }
.product header div { min-width: 0; }
.product img, .noimage { width: 96px; height: 96px; object-fit: contain; border-radius: 6px;
  flex: none; }
.noimage { background: #f3f5f7; color: #9aa3ad; font-size: 12px; display: grid;
  place-items: center; }
.product h3 { font-size: 15px; margin: 0 0 4px; line-height: 1.3; }
.wrong { color: #b3402a; }
.known { color: #4b5560; margin: 12px 0; line-height: 1.7; }
.known span { background: #f3f5f7; border-radius: 4px; padding: 1px 7px; margin-right: 4px; }
.asked { margin-top: 10px; font-weight: 600; }
.bar { display: grid; grid-template-columns: 8.2em 1fr 3.6em; gap: 8px; align-items: center; }
.bar span:first-child { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.bar i { display: block; height: 9px; border-radius: 3px; background: #c9d3de; }
.bar.right i { background: #1f5fa8; }
.bar.right span:first-child { font-weight: 600; }
.bar span:last-child { text-align: right; color: #66707b; white-space: nowrap; }
code { background: #f3f5f7; padding: 1px 5px; border-radius: 4px; font-size: 14px; }
pre { background: #f3f5f7; padding: 14px 16px; border-radius: 8px; font-size: 14px;
  overflow-x: auto; }
"""


def document(title: str, sections: Iterable[str]) -> str:
    """A whole page of sections that are HTML already; empty ones are left out."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(printable(title))}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(section for section in sections if section)
        + "\n</body></html>\n"
    )


def printable(text: str) -> str:
    """The text with a sign in place of what cannot be shown."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def text(given: str, longest: int = _LONGEST_TEXT) -> str:
    """A text as HTML: cut, escaped, and kept from turning what stands around it."""
    return f"<bdi>{escape(plain(given, longest))}</bdi>"


def plain(given: str, longest: int = _LONGEST_TEXT) -> str:
    """A text that is cut and of characters that can be shown; not escaped."""
    return printable(given if len(given) <= longest else f"{given[: longest - 1]}…")


def tiles(figures: Mapping[str, str]) -> str:
    """Large figures side by side: what each is, and the figure."""
    blocks = "".join(
        f"<div><b>{shown}</b><span>{name}</span></div>" for name, shown in figures.items()
    )
    return f"<div class=figures>{blocks}</div>"


def table(*head: str, rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are HTML already.

    A column whose head begins with | holds text, one that begins with || a lot of it.
    Figures stay on one line; a table that is too wide for the page scrolls by itself.
    """
    kinds = [_KINDS[len(name) - len(name.lstrip("|"))] for name in head]
    top = "".join(
        f"<th{kind}>{name.lstrip('|')}</th>" for kind, name in zip(kinds, head, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(kinds, row, strict=True))
        + "</tr>\n"
        for row in rows
    )
    return f'<div class=scroll tabindex="0"><table><tr>{top}</tr>\n{body}</table></div>'


def best(cell: str, yes: bool = True) -> str:
    """A cell that stands out, where it is to."""
    return f"<span class=best>{cell}</span>" if yes else cell


def image(data: bytes, kind: str = "png", alt: str = "") -> str:
    """A picture inside the page."""
    inside = base64.b64encode(data).decode()
    return f'<img src="data:image/{kind};base64,{inside}" alt="{escape(printable(alt))}">'


def figure(png: bytes, caption: str) -> str:
    """A plot with a line about it."""
    below = escape(printable(caption))
    return f"<figure>{image(png, alt=caption)}<figcaption>{below}</figcaption></figure>"
