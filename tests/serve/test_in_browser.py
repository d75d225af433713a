"""The graph's pages in a real browser: by keys, on a phone, with hostile texts everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

import pytest

pytest.importorskip("playwright")
pytest.importorskip("uvicorn")
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import ProposedTriple, SourceVersion, Statement
from k3m_kg.records import ProductRecord
from tests.browser import faults
from tests.processes import HANG
from tests.serve.browsing import served
from tests.serve.conftest import fill

DESKTOP, PHONE = {"width": 1200, "height": 800}, {"width": 390, "height": 800}
PAYLOADS = [
    "<script>window.hacked=1</script>",
    '"><img src=x onerror="window.hacked=1">',
    "' onmouseover='window.hacked=1' autofocus onfocus='window.hacked=1",
    "</title></textarea></style><svg onload=window.hacked=1>",
    "javascript:window.hacked=1",
    "{{ 7*7 }}${7*7}<%= 7*7 %>",
    "</script><script>window.hacked=1</script>",
    "\u202egnp.exe\u2066 &lt;b&gt; \u0007",
    "../../etc/passwd?x=1&y=2#z",
    "data:text/html,<script>window.hacked=1</script>",
]
CONSTRUCT = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o } LIMIT 40"
SELECT = "SELECT * WHERE { ?s ?p ?o } LIMIT 40"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a graph is served of which every text is an attack."""
    url = f"sqlite:///{tmp_path_factory.mktemp('hostile')}/shop.db"
    records = [
        ProductRecord(
            text,
            text,
            text,
            (f"{text}.svg",),
            tuple((other, text) for other in PAYLOADS),
            1,
            ((f"link {text}", PAYLOADS[0]),),
        )
        for text in PAYLOADS
    ]
    store, _ = GraphStore.create(url)
    with store:
        with store.writing() as writer:
            version = SourceVersion(f"/srv/{PAYLOADS[1]}", PAYLOADS[0], "d")
            session = writer.session(version, lambda images: [])
            session.write([Statement(record) for record in records])
            session.finish(0)
        with store.writing() as writer:
            writer.propose(PAYLOADS[1], [ProposedTriple(PAYLOADS[0], "new", PAYLOADS[3], 0.5)])
    with served(url) as address:
        yield address


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the small graph of other tests is served."""
    url = f"sqlite:///{tmp_path_factory.mktemp('shop')}/shop.db"
    fill(url)
    with served(url) as address:
        yield address


def context_of(chromium: Browser, address: str, size: dict[str, int]) -> BrowserContext:
    context = chromium.new_context(viewport=size, base_url=address)  # type: ignore[arg-type]
    context.set_default_timeout(1000 * HANG)
    expect.set_options(timeout=HANG * 1000)
    return context


def failure(asked: Request) -> list[str]:
    """What failed; not what the browser gave up, as it went on to the next page."""
    return [] if asked.failure == "net::ERR_ABORTED" else [f"failed: {asked.url}"]


def watched(context: BrowserContext, said: list[str]) -> Page:
    """A page whose every complaint is noted."""
    page = context.new_page()
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda asked: said.extend(failure(asked)))
    page.on("response", lambda got: said.append(got.url) if got.status >= 400 else None)
    return page


@pytest.fixture(params=[DESKTOP], ids=["desktop"])
def page(request: pytest.FixtureRequest, chromium: Browser, shop: str) -> Iterator[Page]:
    """A page that complains of nothing."""
    said: list[str] = []
    with context_of(chromium, shop, request.param) as context:
        yield watched(context, said)
    assert said == []


def paths(text: str) -> list[str]:
    """Every kind of page that shows a text of a catalog."""
    one = quote(text, safe="")
    return [
        f"/product?id={one}",
        f"/browse?q={one}",
        f"/browse?f={quote(f'{one}={one}', safe='')}&category={one}&lacks={one}&facet={one}",
        f"/property?name={one}&q={one}",
        f"/value?name={one}&value={one}",
        f"/graph?id={one}",
        f"/query?query={one}",
    ]


def test_hostile_texts_do_nothing(chromium: Browser, hostile: str) -> None:
    said: list[str] = []
    everywhere = ["/", "/browse", "/properties", "/runs", "/runs/1", "/runs/2", "/api"]
    queries = [f"/query?query={quote(query)}" for query in (SELECT, CONSTRUCT)]
    some = [path for text in PAYLOADS[1:3] for path in paths(text)]
    others = [f"/product?id={quote(text, safe='')}" for text in (PAYLOADS[0], *PAYLOADS[3:])]
    with context_of(chromium, hostile, DESKTOP) as context:
        page = watched(context, said)
        asked: list[str] = []
        page.on("dialog", lambda dialog: asked.append(dialog.message) or dialog.dismiss())
        for path in (*everywhere, *queries, *some, *others):
            page.goto(path, wait_until="load")
            assert page.evaluate("window.hacked") is None, path
            # Nothing of a text became an element: our pages have no such ones.
            assert page.locator("main script, img[src='x'], [onmouseover], [onfocus]").count() == 0
            assert "/srv" not in page.content(), path
    assert asked == []
    # What is no query is refused, and told so; some values are no value of their property.
    refused = ("/query?query=", "/value?", "/property?", "status of 4")
    assert [line for line in said if not any(word in line for word in refused)] == []


@pytest.mark.parametrize("page", [DESKTOP, PHONE], ids=["desktop", "phone"], indirect=True)
def test_pages_fit_and_everybody_can_use_them(page: Page) -> None:
    """On a phone the same elements are looked at where they are laid out anew."""
    narrow = page.evaluate("innerWidth < 600")
    for path in (
        "/",
        "/browse?q=shirt",
        "/product?id=A-3",
        "/properties",
        "/property?name=colour",
        "/value?name=colour&value=blue",
        "/runs",
        "/runs/2",
        "/graph?id=A-1",
        f"/query?query={quote(SELECT)}",
        "/api",
    ):
        page.goto(path, wait_until="load")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        if not narrow or path.startswith(("/browse", "/product?", "/graph")):
            assert faults(page) == [], path


def test_one_looks_around_by_keys_alone(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("/")
    page.keyboard.type("linen")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("1 product")
    name = page.locator("a.name")
    while not page.evaluate("document.activeElement.matches('a.name')"):
        page.keyboard.press("Tab")
    expect(name).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#title")).to_have_text("Blue linen trousers")
    expect(page.get_by_text("Shares most with")).to_be_visible()
    expect(page.locator(".grid a").first).to_be_visible()


def test_filters_are_taken_and_taken_away(page: Page) -> None:
    page.goto("/browse")
    page.locator(".facet a", has_text="blue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("2 products")
    page.locator(".chip.on").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("6 products")
    page.get_by_label("Count the values of").select_option("size")
    expect(page.locator(".facet h2", has_text="size").first).to_be_visible()


def test_light_and_dark_are_remembered(page: Page) -> None:
    page.goto("/")
    page.locator("[data-theme-switch]").click()
    chosen = page.evaluate("document.documentElement.dataset.theme")
    page.goto("/runs")
    assert page.evaluate("document.documentElement.dataset.theme") == chosen == "dark"
    assert faults(page) == []


def test_a_neighbourhood_is_opened_and_taken_away(page: Page, tmp_path: Path) -> None:
    page.goto("/graph?id=A-1")
    expect(page.locator("#chosen")).to_have_text("Red cotton shirt")
    page.get_by_role("button", name="cotton", exact=True).press("Enter")
    expect(page.locator("#chosen")).to_have_text("cotton")
    expect(page.locator("#neighbours button").first).to_be_focused()
    expect(page.get_by_role("button", name="Blue cotton shirt")).to_be_visible()

    with page.expect_download() as saved:
        page.get_by_role("button", name="SVG").click()
    saved.value.save_as(tmp_path / "graph.svg")
    root = ElementTree.parse(tmp_path / "graph.svg").getroot()
    texts = {one.text for one in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"Red cotton shirt", "Blue cotton shirt", "material"} <= texts

    with page.expect_download() as saved:
        page.get_by_role("button", name="HTML file").click()
    saved.value.save_as(tmp_path / "graph.html")
    page.goto((tmp_path / "graph.html").as_uri())
    expect(page.locator("canvas").first).to_be_visible()


def test_a_query_is_completed_and_drawn(page: Page) -> None:
    page.goto("/query")
    page.locator("#query").press_sequentially("SELECT ?a WHERE { ?a col")
    expect(page.locator("#offers li").first).to_have_text("property:colour")
    page.keyboard.press("Tab")
    page.keyboard.type(' "blue" }')
    page.keyboard.press("Control+Enter")
    expect(page.locator("#answer h2")).to_have_text("2 rows")
    page.goto(f"/query?query={quote(CONSTRUCT)}")
    expect(page.locator("canvas").first).to_be_visible()
    page.get_by_role("button", name="Table").click()
    expect(page.locator("#table pre")).to_be_visible()


def test_a_run_is_taken_back_after_a_question(page: Page) -> None:
    page.goto("/runs/2")
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_role("button", name="Take it back")).to_be_visible()
