"""A real browser for the page: Chromium, driven by Playwright, and axe-core to judge it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

AXE = Path(__file__).parents[3] / ".venv/axe/node_modules/axe-core/axe.min.js"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_browser() -> str:
    """Return the browser's file, or skip the test where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("needs Chromium, which `make test` installs where apt can")
    return found


@contextmanager
def open_browser(home: Path) -> Iterator[Any]:
    """Run a browser with an empty profile of its own."""
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright (make test)")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_browser(), args=FLAGS, env=os.environ | {"HOME": str(home)}
        )
        yield browser
        browser.close()


@dataclass
class Heard:
    """What a page said to the console, and what it asked for beside itself."""

    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@contextmanager
def open_page(
    browser: Any,
    file: Path,
    *,
    width: int = 1280,
    scheme: str = "light",
    scripts: bool = True,
) -> Iterator[tuple[Any, Heard]]:
    """Open a file as a page, wait until all is drawn, and listen to what it says and asks for."""
    heard = Heard()
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts
    )
    page = context.new_page()
    page.on("console", lambda message: heard.messages.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: heard.messages.append(f"error: {error}"))
    page.on("request", lambda request: heard.requests.append(request.url))
    page.goto(file.as_uri())
    if scripts:
        page.wait_for_selector("html[data-drawn]", timeout=60_000)
    yield page, heard
    heard.requests = [
        url for url in heard.requests if url != file.as_uri() and not url.startswith("data:")
    ]
    context.close()


def find_faults(page: Any) -> list[str]:
    """Return the serious and critical faults that axe-core finds, each with its first element."""
    if not AXE.is_file():
        pytest.skip("needs axe-core, which `make test` installs by npm")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{fault['impact']} {fault['id']}: {fault['nodes'][0]['html'][:200]} "
        f"({len(fault['nodes'])} of them)"
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
    ]
