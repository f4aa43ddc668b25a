"""A real browser for the tests of pages: Debian's Chromium, driven by Playwright, and axe-core on its pages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
AXE = HERE / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = os.environ.get("GENFRAME_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
]
SERIOUS = ("serious", "critical")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder is marked `browser`: `pytest -m browser` runs them, `-m 'not browser'` the rest."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The browser, started once a file; the tests are skipped where there is none.

    While it lives an event loop of Playwright's runs in this thread, in which nobody else can run one.
    """
    if CHROMIUM is None:
        pytest.skip("no `chromium` on PATH: `make browser` installs it, or set GENFRAME_CHROMIUM")
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install -e '.[dev]'"
    )
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, chromium_sandbox=False)
        yield browser
        browser.close()


@dataclass
class Heard:
    """What a page said and asked for: errors on its console, and the address of every request."""

    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def beyond(self, *prefixes: str) -> list[str]:
        """The requests to anywhere else than addresses that begin so; pictures within the page are none."""
        own = (*prefixes, "data:", "blob:", "about:")
        return [address for address in self.requests if not address.startswith(own)]


OpenPage = Callable[..., tuple[Any, Heard]]


@pytest.fixture
def open_page(chromium: Any) -> Iterator[OpenPage]:
    """Opens an address in a fresh context: `page, heard = open_page(url, width=390, dark=True)`."""
    contexts = []

    def opened(
        url: str, width: int = 1200, height: int = 900, dark: bool = False, **more: Any
    ) -> tuple[Any, Heard]:
        scheme = "dark" if dark else "light"
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce", **more
        )
        contexts.append(context)
        page, heard = context.new_page(), Heard()
        page.set_default_timeout(10_000)
        page.on("console", lambda said: heard.errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: heard.errors.append(str(error)))
        page.on("request", lambda asked: heard.requests.append(asked.url))
        page.on("websocket", lambda socket: heard.requests.append(socket.url))
        page.goto(url)
        return page, heard

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def axe() -> Callable[[Any], list[str]]:
    """What axe-core finds serious or critical on a page, contrast too: a line a fault. `assert not axe(page)`."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: `make browser` installs it")
    source = AXE.read_text(encoding="utf-8")

    def faults(page: Any) -> list[str]:
        page.evaluate(source)  # not add_script_tag, which a page's Content-Security-Policy refuses
        found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{fault['id']} ({fault['impact']}): {node['target']} {node.get('failureSummary', '')}"
            for fault in found["violations"]
            if fault["impact"] in SERIOUS
            for node in fault["nodes"]
        ]

    return faults
