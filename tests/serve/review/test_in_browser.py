"""The whole loop in a real browser, by keys alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("playwright")
pytest.importorskip("uvicorn")
from playwright.sync_api import Browser, Page, expect

from k3m_kg.graph.reviewing.desk import ReviewDesk
from k3m_kg.graph.store import GraphStore
from tests.browser import faults
from tests.processes import HANG
from tests.serve.browsing import served

DESKTOP, PHONE = {"width": 1200, "height": 800}, {"width": 390, "height": 800}


@pytest.fixture
def address(queued: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where the application is served."""
    monkeypatch.setattr("k3m_kg.graph.reviewing.desk.RANDOM_SHARE", 0.0)
    with served(queued) as address:
        yield address


@pytest.fixture
def page(request: pytest.FixtureRequest, chromium: Browser, address: str) -> Iterator[Page]:
    """A page that says nothing on its console and loads nothing from elsewhere."""
    said: list[str] = []
    size = getattr(request, "param", DESKTOP)
    context = chromium.new_context(viewport=size, base_url=address)
    context.set_default_timeout(1000 * HANG)
    expect.set_options(timeout=HANG * 1000)
    page = context.new_page()
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda asked: said.append(f"failed: {asked.url}"))
    page.on("response", lambda got: said.append(got.url) if got.status >= 500 else None)
    yield page
    context.close()
    assert [line for line in said if "/review/release" not in line] == []


NO_ANSWER = """() => {
    const ask = window.fetch;
    window.fetch = (path, ...more) =>
        path.startsWith("/review/decide") ? new Promise(() => {}) : ask(path, ...more);
}"""
"""Decisions are never answered. In the page itself: what the browser's own interception is told
while the page asks may come too late, and one decision is answered all the same."""


def expect_shown(page: Page, what: str) -> None:
    product, value = what.split(" ", 1)
    article = page.locator("article:not([hidden])")
    expect(article.locator(".crumbs a")).to_have_text(product)
    expect(article.locator(".question ins")).to_have_text(value)


def saved(page: Page, decided: int) -> None:
    expect(page.locator("[data-done]")).to_have_text(str(decided))
    expect(page.locator("[data-saving]")).to_have_text("")


@pytest.mark.parametrize("page", [PHONE], ids=["phone"], indirect=True)
def test_a_phone_shows_all_and_fingers_decide(page: Page) -> None:
    page.goto("/review")
    expect_shown(page, "A-3 M")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Accept").click()
    expect_shown(page, "A-4 L")
    page.get_by_role("button", name="Correct").click()
    page.locator("dialog li").first.click()
    expect_shown(page, "A-6 L")
    saved(page, 2)


def test_the_whole_loop_by_keys_alone(page: Page, queued: str) -> None:
    page.goto("/review")
    expect_shown(page, "A-3 M")
    assert faults(page) == []
    expect(page.locator("article:not([hidden]) mark")).to_have_text("linen")

    page.keyboard.press("2")  # the second of the other values
    expect_shown(page, "A-4 L")
    page.keyboard.press("u")
    expect_shown(page, "A-3 M")
    page.keyboard.press("a")
    page.keyboard.press("r")
    expect_shown(page, "A-6 L")

    page.keyboard.press("c")
    expect(page.locator("dialog li").first).to_be_visible()
    page.keyboard.type("40")
    page.keyboard.press("Enter")
    page.keyboard.press("s")  # the hostile one: nothing ran
    assert page.evaluate("window.hacked") is None
    page.keyboard.press("a")
    expect(page.locator("[data-empty]")).to_be_visible()
    saved(page, 5)

    with GraphStore.open(queued) as store:
        said = {
            (one.item.product, one.item.property, one.item.stated): (
                one.decision.answer.value,
                one.decision.value,
            )
            for one in ReviewDesk(store).decided()
        }
        assert said == {
            ("A-3", "size", None): ("accept", None),
            ("A-4", "size", None): ("reject", None),
            ("A-6", "size", None): ("correct", "40"),
            ("A-6", "colour", None): ("skip", None),
            ("A-2", "colour", "blue"): ("accept", None),
        }
        product = store.product("A-2")
        assert product is not None
        assert ("colour", "green") in product.triples
        assert ("colour", "blue") not in product.triples


def test_the_next_item_is_there_before_the_server_has_answered(page: Page) -> None:
    page.goto("/review")
    expect_shown(page, "A-3 M")
    expect(page.locator("article")).to_have_count(4)
    page.evaluate(NO_ANSWER)
    page.keyboard.press("a")
    expect_shown(page, "A-4 L")
    page.keyboard.press("a")
    expect_shown(page, "A-6 L")
    expect(page.locator("[data-saving]")).to_have_text(", 2 not saved yet")


def test_equal_ones_at_once_and_back(page: Page, queued: str) -> None:
    page.goto("/review?property=size")
    expect_shown(page, "A-3 M")
    page.keyboard.press("s")
    expect_shown(page, "A-4 L")
    page.keyboard.press("e")
    expect(page.locator(".equal input")).to_have_count(2)
    assert faults(page) == []
    page.keyboard.press("a")
    expect(page.locator("[data-empty]")).to_be_visible()
    saved(page, 3)
    with GraphStore.open(queued) as store:
        assert store.runs(1)[0].counts.triples_added == 2
    page.keyboard.press("u")
    expect(page.locator("article")).to_have_count(2)
