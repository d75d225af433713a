"""What carried a proposal, drawn on the picture, and what is alike, in a real browser."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright")
pytest.importorskip("uvicorn")
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from k3m_kg.graph.reviewing.desk import ReviewDesk
from k3m_kg.graph.reviewing.items import ReviewOffer
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.stored import LocatedImage, SourceVersion, Statement
from k3m_kg.pictures.checker import check_image
from k3m_kg.records import ProductRecord
from k3m_kg.search.found import FoundProduct
from k3m_kg.serve.asking.kinds import Completing, Explaining, Resembling, Searching
from k3m_kg.use.completion.proposals import Explanation, Part, Proposal
from tests.browser import faults
from tests.serve.browsing import served
from tests.serve.test_in_browser import DESKTOP, PHONE, context_of, watched

BOX = (0.25, 0.5, 0.75, 0.875)
"""Left, top, right, bottom."""
IDS = ("A-1", "A-2", "A-3")
PARTS = (
    Part("image", "middle", 0.3, BOX),
    Part("title", "shirt", 0.2),
    Part("triple", "colour: red", 0.1),
)


class FixedAnswers:
    """In place of a model."""

    def __call__(self, kind: Hashable, items: Sequence[Any]) -> Mapping[Any, Any]:
        match kind:
            case Completing():
                return {one: [Proposal(one, "material", "cotton", 1.0, 0.8)] for one in items}
            case Explaining():
                explanation = Explanation(PARTS, {"image": 0.4, "title": 0.5})
                return {one: replace(one, explanation=explanation) for one in items}
            case Resembling() | Searching():
                found = [FoundProduct(one, one, 0.9, "model") for one in IDS]
                return dict.fromkeys(items, found)
        raise AssertionError(kind)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A shop with pictures, a queue with evidence, and answers of a model."""
    folder = tmp_path_factory.mktemp("pictured")
    Image.new("RGB", (300, 400), "#e0442c").save(folder / "a.png")  # the outline's own colour
    stat = (folder / "a.png").stat()
    image = LocatedImage("a.png", str(folder / "a.png"), stat.st_size, stat.st_mtime_ns)
    url = f"sqlite:///{folder}/shop.db"
    with GraphStore.create(url)[0] as store:
        with store.writing() as writer:
            session = writer.session(
                SourceVersion("a.csv", "csv", "d"),
                lambda images: [check_image(Path(one.path or "")) for one in images],
            )
            records = [
                ProductRecord(one, f"Red shirt {one}", "Shirts", ("a.png",), (("colour", colour),))
                for one, colour in zip(IDS, ("red", "red", "blue"), strict=True)
            ]
            session.write([Statement(one, (image,)) for one in records])
            session.finish(0)
        part = {"kind": "image", "text": "middle", "drop": 0.3, "box": list(BOX)}
        offers = [
            ReviewOffer("A-1", "material", "cotton", 0.5, details={"parts": [part]}),
            ReviewOffer("A-2", "material", "cotton", 0.7),
            ReviewOffer("A-3", "material", "silk", 0.9),
        ]
        ReviewDesk(store).add("model", offers)
    with pytest.MonkeyPatch.context() as patch, served(url, FixedAnswers()) as address:
        patch.setattr("k3m_kg.graph.reviewing.desk.RANDOM_SHARE", 0.0)
        yield address


def expect_outlined(picture: Locator) -> None:
    """The outline is where the box says, and stands out on its own colour."""
    whole = picture.locator("img").bounding_box()
    drawn = picture.locator("rect:not(.halo)").bounding_box()
    assert whole is not None
    assert drawn is not None
    left, top, right, bottom = BOX
    found = (
        (drawn["x"] - whole["x"]) / whole["width"],
        (drawn["y"] - whole["y"]) / whole["height"],
        drawn["width"] / whole["width"],
        drawn["height"] / whole["height"],
    )
    assert whole["height"] / whole["width"] == pytest.approx(4 / 3, abs=0.02)
    assert found == pytest.approx((left, top, right - left, bottom - top), abs=0.03)
    colours = [
        picture.locator(f"rect{kind}").evaluate("one => getComputedStyle(one).stroke")
        for kind in (".halo", ":not(.halo)")
    ]
    assert colours == ["rgb(255, 255, 255)", "rgb(224, 68, 44)"]


def expect_good(page: Page, pictures: list[Locator]) -> None:
    """Outlined on a desktop and on a phone, where everything fits and nobody is kept out."""
    for size in (DESKTOP, PHONE):
        page.set_viewport_size(size)
        for picture in pictures:
            expect_outlined(picture)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert faults(page) == []


def test_evidence_is_drawn_on_the_picture(chromium: Browser, address: str) -> None:
    said: list[str] = []
    with context_of(chromium, address, DESKTOP) as context:
        page = watched(context, said)
        page.goto("/product?id=A-1")
        page.get_by_text("Why cotton?").click()
        evidence = page.locator(".evidence .canvas")
        expect(evidence.locator("rect")).to_have_count(2)
        evidence.locator("img").evaluate("one => one.decode()")
        expect(page.locator("tr.carries")).to_have_count(1)
        expect(page.locator(".card", has_text="Similar products").locator("li")).to_have_count(3)
        expect(page.locator(".card", has_text="Shares most").locator("li")).to_have_count(1)
        expect_good(page, [evidence, page.locator("#picture")])
        page.goto("/review")
        item = page.locator("article:not([hidden])")
        item.locator(".framed img").evaluate("one => one.decode()")
        expect(item.locator("[data-why]")).to_have_count(0)
        expect_good(page, [item.locator(".framed")])
        page.keyboard.press("a")
        expect(item).to_have_attribute("data-product", "A-2")
        page.keyboard.press("w")
        expect(item.locator(".evidence .bars li")).to_have_count(1)
        expect(item.locator(".evidence mark")).to_have_text("shirt")
        item.locator(".evidence .canvas img").evaluate("one => one.decode()")
        expect_good(page, [item.locator(".evidence .canvas")])
        page.keyboard.press("s")
        item.get_by_role("button", name="Why?").click()
        expect(item.locator(".evidence")).to_have_text(
            "The model that is served does not propose this."
        )
        page.goto("/review?blind=true")
        expect(item).to_have_attribute("data-product", "A-3")
        expect(item.locator("[data-explain]")).to_have_count(0)
        page.goto("/browse?q=shirt")
        closest = page.locator(".card", has_text="Closest to these words")
        expect(closest.locator("li")).to_have_count(3)
        expect_good(page, [])
    assert said == []
