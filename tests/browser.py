"""A real browser: Debian's Chromium, steered by Playwright, and axe-core for what it shows."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

AXE = Path(__file__).parent / "serve" / "vendor" / "axe.min.js"
_NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests."""
    playwright = pytest.importorskip("playwright.sync_api")
    program = chromium_program()
    if program is None:
        pytest.skip("no Chromium here, and it may not be installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def chromium_program() -> str | None:
    """Chromium; Debian's package where it is missing and may be installed."""
    if (found := _found()) or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return found
    with (Path(tempfile.gettempdir()) / "k3m-kg-chromium.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in (
            ["apt-get", "update"],
            ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"],
        ):
            if _found() is None:
                subprocess.run(command, env=quiet, capture_output=True, check=False)
    return _found()


def _found() -> str | None:
    return next(filter(None, map(shutil.which, _NAMES)), None)


def faults(page: Page) -> list[str]:
    """What axe-core finds that is serious."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("() => axe.run({resultTypes: ['violations']})")
    return [
        f"{one['id']}: {json.dumps([node['target'] for node in one['nodes']])}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
