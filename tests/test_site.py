"""The documentation builds as a site: strictly, whole, and with nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sources import ROOT

pytest.importorskip("material", reason="the group `docs` is not installed")
FOREIGN = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?https?://|<link\b[^>]*\bhref=["']?https?://"""
    r"""|@import\s+["']?https?:|url\(["']?https?:"""
)


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
    for page in (ROOT / "docs").rglob("*.md"):
        for words, _ in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            assert len(words.split()) > 3, page
