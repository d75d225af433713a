"""Takes the pictures of `k3m-kg serve` that pages show: docs/pictures, wide and narrow.

    python docs/screenshots.py                  makes the demo first, which takes minutes
    python docs/screenshots.py --demo FOLDER    of a demo that is there

It needs what the tests of the browser need, Playwright and a Chromium; Debian's is installed where
it is missing and may be. Look at the pictures before you commit them: a script sees no ugliness.
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
from tests.browser import chromium_program  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Page

PICTURES = ROOT / "docs" / "pictures"
SIZES: dict[str, dict[str, Any]] = {
    "wide": {"viewport": {"width": 1200, "height": 760}},
    "narrow": {"viewport": {"width": 390, "height": 760}, "is_mobile": True, "has_touch": True},
}
PATIENCE = 180_000
"""Milliseconds: the model is opened, and asked with each part of a product left out in turn."""
EXPLAINED = "product type"
"""The property whose proposals are put into the queue with what carried them."""
PRODUCT = "/product?id=D00166"
K3M = [sys.executable, "-m", "k3m_kg"]


def start(page: Page) -> None:
    """What the graph is like."""
    page.goto("/")
    while page.get_by_text("Being ").count():
        page.wait_for_timeout(500)


def browse(page: Page) -> None:
    """Products that were searched, with facets."""
    page.goto("/browse?q=mug")
    page.locator(".grid a").first.wait_for()


def product(page: Page) -> None:
    """A product with what is proposed, and why."""
    page.goto(PRODUCT)
    page.locator("#proposals details.why").first.wait_for()
    page.locator("#proposals details.why summary").first.click()
    page.locator(".evidence .bars").first.wait_for()
    if page.viewport_size == SIZES["wide"]["viewport"]:
        page.evaluate("scrollTo(0, 0)")  # the picture and the triples are marked as well


def review(page: Page) -> None:
    """One proposal, decided by a key."""
    page.goto(f"/review?property={EXPLAINED}")
    page.get_by_text("What to review").click()  # it is open where something was chosen
    page.locator("article:not([hidden])").wait_for()


def graph(page: Page) -> None:
    """A neighbourhood."""
    page.goto(PRODUCT.replace("/product", "/graph"))
    page.locator("canvas").first.wait_for()


SHOTS: dict[str, Callable[[Page], None]] = {
    "start": start,
    "browse": browse,
    "product": product,
    "review": review,
    "graph": graph,
}


@contextmanager
def served(demo: Path) -> Iterator[str]:
    """The address of `k3m-kg serve` over the demo's graph, with its model."""
    command = [*K3M, "serve", "--db", f"sqlite:///{demo / 'graph.db'}", "--port", "0"]
    command += ["--model", str(demo / "models" / "k3m"), "--snapshot", str(demo / "snapshots")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            address = server.stdout.readline().strip()
            if not address:
                sys.exit("the server did not start")
            yield address
        finally:
            server.terminate()


def main() -> None:
    """Make the demo if need be, serve it, take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--demo", type=Path, help="a folder of `k3m-kg demo`; it is not changed")
    parser.add_argument("--only", nargs="*", choices=SHOTS, default=list(SHOTS))
    parser.add_argument("--sizes", nargs="*", choices=SIZES, default=list(SIZES))
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        demo = Path(folder) / "demo"
        if wanted.demo is None:
            subprocess.run([*K3M, "demo", "--out", str(demo)], check=True)
        else:
            shutil.copytree(wanted.demo, demo)
        take(demo, wanted.only, wanted.sizes)


def take(demo: Path, names: list[str], sizes: list[str]) -> None:
    """These pictures in these sizes."""
    PICTURES.mkdir(exist_ok=True)
    database = ["--db", f"sqlite:///{demo / 'graph.db'}"]
    explain = ["--review", "--explain", "--property", EXPLAINED, "--snapshot", demo / "snapshots"]
    if "review" in names:
        subprocess.run([*K3M, "complete", demo / "models" / "k3m", *database, *explain], check=True)
    with served(demo) as address, sync_playwright() as driver:
        program = chromium_program()
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for size in sizes:
            context = browser.new_context(base_url=address, color_scheme="light", **SIZES[size])
            context.set_default_timeout(PATIENCE)
            page = context.new_page()
            for name in names:
                SHOTS[name](page)
                page.wait_for_load_state("networkidle")
                page.evaluate("document.fonts.ready")
                with Image.open(io.BytesIO(page.screenshot())) as shot:
                    shot.save(PICTURES / f"{name}-{size}.webp", quality=80, method=6)
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
