"""From the key that decides to the next item drawn, in a real browser.

    python -m benchmarks serve_keys --keys 200 --apart 0.5

The demo's catalog with its pictures, a proposal for each cell that it leaves empty, `k3m-kg serve`
over it, and Debian's Chromium, steered by Playwright: somebody presses A, R and S. Each time
is from when the browser got the key until the frame with the next item was painted, and until that
item's picture was decoded too, which lies in the page before its turn. At the end every decision
must be in the database. Browser, server and database share this machine.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._command_line import k3m_kg
from benchmarks._figures import add_out, tell
from k3m_kg.demo.generator import generate, read_truth
from k3m_kg.graph.reviewing.desk import ReviewDesk
from k3m_kg.graph.reviewing.items import ReviewOffer
from k3m_kg.graph.store import GraphStore

KEYS = "aaras"
_COMMAND = [sys.executable, "-c", "from k3m_kg.cli.app import main; main()", "serve"]
_WATCH = """() => {
    const shown = () => document.querySelector("article:not([hidden])");
    const painted = (then) => requestAnimationFrame(() => setTimeout(then));
    window.took = [];
    addEventListener("keydown", (event) => {
        const began = event.timeStamp, before = shown();
        const look = () => {
            const next = shown();
            if (!next || next === before) return requestAnimationFrame(look);
            painted(async () => {
                const item = performance.now() - began, picture = next.querySelector("img");
                await picture?.decode().catch(() => {});
                painted(() => window.took.push([item, picture && performance.now() - began]));
            });
        };
        queueMicrotask(look);
    }, true);
}"""


def fill(folder: Path, products: int) -> str:
    """The demo's catalog with a queue; the graph's URL."""
    db = f"sqlite:///{folder / 'graph.db'}"
    files = generate(folder / "catalog", products)
    k3m_kg(
        *("ingest", files.catalog, "--mapping", files.mapping, "--images", files.images),
        *("--db", db),
        threads=1,
    )
    random = np.random.default_rng(0)
    offers = [
        ReviewOffer(
            one.id,
            name,
            value,
            float(random.random()),
            details={
                "alternatives": [{"value": f"another {n}", "probability": 0.1} for n in range(3)],
                "parts": [
                    {"kind": "image", "text": "middle", "drop": 0.2, "box": [0.2, 0.2, 0.6, 0.6]},
                    *(
                        {"kind": "title", "text": word, "drop": 0.1}
                        for word in list(one.mentions.values())[:2]
                    ),
                ],
                "without": {"image": 0.3},
            },
        )
        for one in read_truth(files.truth).values()
        for name, value in one.facts.items()
        if name not in one.known
    ]
    with GraphStore.open(db) as store:
        ReviewDesk(store).add("generated", offers)
    return db


@contextmanager
def served(db: str) -> Iterator[str]:
    """Where somebody on this machine reviews, without tokens."""
    process = subprocess.Popen(
        [*_COMMAND, "--db", db, "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def press(address: str, program: str, keys: int, apart: float) -> list[tuple[float, float | None]]:
    """Milliseconds to the next item, and to its picture, of each key."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        page.goto(f"{address}review")
        page.locator("article:not([hidden])").wait_for()
        page.evaluate(_WATCH)
        for number in range(keys):
            time.sleep(apart)
            page.keyboard.press(KEYS[number % len(KEYS)])
        while page.evaluate("window.took.length") < keys:
            time.sleep(0.1)
        page.locator("[data-saving]:empty").wait_for(state="attached")
        took = page.evaluate("window.took")
        browser.close()
    return [(item, picture) for item, picture in took]


def percentiles(times: list[float]) -> dict[str, float]:
    """Of milliseconds."""
    found = {f"p{n}": round(float(np.percentile(times, n)), 1) for n in (50, 95, 99)}
    return found | {"most": round(max(times), 1), "over_100_ms": sum(one > 100 for one in times)}


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Fill, serve, press, compare."""
    db = fill(folder, options.products)
    with served(db) as address:
        took = press(address, options.chromium, options.keys, options.apart)
    with GraphStore.open(db) as store:
        decided = len(ReviewDesk(store).decided())
        waiting = sum(row.open for row in ReviewDesk(store).counts())
    return {
        "keys": options.keys,
        "seconds_apart": options.apart,
        "load": round(os.getloadavg()[0], 1),
        "waiting": waiting,
        "lost": options.keys - decided,
        "item_ms": percentiles([item for item, _ in took]),
        "picture_ms": percentiles([picture for _, picture in took if picture is not None]),
        "with_picture": sum(picture is not None for _, picture in took),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="From a key to the next item.")
    parser.add_argument("--products", type=int, default=600)
    parser.add_argument("--keys", type=int, default=200)
    parser.add_argument("--apart", type=float, default=0.5, help="seconds between keys")
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="the browser")
    add_out(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tell(measure(options, Path(folder)), options.out)


if __name__ == "__main__":
    main()
