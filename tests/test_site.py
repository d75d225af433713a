"""The documentation builds as a site: strictly, whole, and with nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import faults
from tests.processes import HANG
from tests.sources import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytest.importorskip("material", reason="the group `docs` is not installed")
FOREIGN = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?https?://|<link\b[^>]*\bhref=["']?https?://"""
    r"""|@import\s+["']?https?:|url\(["']?https?:"""
)

SIZES = {"desktop": (1200, 800), "phone": (390, 800)}
LOOKED_AT = ("index", "tutorial/index", "howto/plugin", "model", "serve", "reference/http-api")
"""Pages of every kind: cards, code, tables, figures, pictures, lists that are long."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for path in [*site.rglob("*.html"), *site.rglob("*.css")]:
        found = FOREIGN.search(path.read_text(encoding="utf-8"))
        assert found is None, f"{path.relative_to(site)}: {found and found[0]}"


def test_every_page_can_be_reached_from_the_start(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}
    start = (site / "index.html").read_text(encoding="utf-8")
    linked = set(re.findall(r'href="?([\w./-]+\.html)', start))
    for section in list(linked):  # sections show their pages one level down
        if (site / section).is_file():
            text = (site / section).read_text(encoding="utf-8")
            folder = (site / section).parent
            for target in re.findall(r'href="?([\w./-]+\.html)', text):
                linked.add(os.path.relpath(folder / target, site))
    assert {page.with_suffix(".html").as_posix() for page in pages} - linked == set()


def test_equations_lead_to_the_lines_of_the_code(site: Path) -> None:
    model = (site / "model.html").read_text(encoding="utf-8")
    links = re.findall(r'href="?(source/[\w.-]+\.html)#(__codelineno-0-\d+)', model)
    assert len(links) > 12
    for page, line in links:
        assert f'id="{line}"' in (site / page).read_text(encoding="utf-8").replace(
            f"id={line} ", f'id="{line}" '
        )


def test_search_knows_pages_and_no_source(site: Path) -> None:
    index = (site / "search" / "search_index.js").read_text(encoding="utf-8")
    assert "howto/plugin.html" in index
    assert "source/" not in index


def test_pictures_say_what_they_show() -> None:
    shown = set()
    for page in (ROOT / "docs").rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        found = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", text)
        found += re.findall(r'<img alt="([^"]*)" src="([^"]+)"', text)
        assert len(found) == len(re.findall(r"!\[(?!CDATA)|<img ", re.sub("`[^`\n]*`", "", text)))
        for words, path in found:
            assert len(words.split()) > 3, page
            shown.add((page.parent / path).resolve())
    # Nothing is shown that is not there, nothing was taken that nobody sees.
    pictures = ROOT / "docs" / "pictures"
    assert {path for path in shown if path.parent == pictures} == set(pictures.iterdir())
    assert all(path.is_file() for path in shown)
    assert sum(path.stat().st_size for path in pictures.iterdir()) < 500_000


@pytest.mark.parametrize("size", SIZES)
def test_pages_fit_and_everybody_can_use_them(site: Path, chromium: Browser, size: str) -> None:
    width, height = SIZES[size]
    said: list[str] = []
    with chromium.new_context(viewport={"width": width, "height": height}) as context:
        # Not from files: axe-core reads style sheets as a script may not read files.
        origin = "http://site/"
        context.route(
            f"{origin}**",
            lambda route: route.fulfill(path=site / route.request.url.removeprefix(origin)),
        )
        page = context.new_page()
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("requestfailed", lambda asked: said.append(asked.url))
        page.set_default_timeout(1000 * HANG)
        for name in LOOKED_AT:
            page.goto(f"{origin}{name}.html", wait_until="networkidle")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
            if size == "desktop" or name in ("index", "howto/plugin"):
                assert faults(page) == [], name
    assert said == []
