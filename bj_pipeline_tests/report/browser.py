"""Chromium, headless, for tests of web pages.

What belongs here: opening a page as a reader would, and what can be seen from outside it: requests,
errors, and what axe-core finds. What does not: what a page should show.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import pytest

pytest.importorskip("playwright", reason="needs playwright from the dev dependencies")

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

EXECUTABLE = shutil.which("chromium") or shutil.which("google-chrome")


TIMEOUT = 5_000
"""Milliseconds that a page may take over anything; only failures wait so long."""

__all__ = ["Browser", "Page", "Visit", "chromium", "expect", "violations", "visit"]


@dataclass
class Visit:
    """A page that has been opened.

    Attributes:
        page: The page, to act on.
        requests: Addresses asked for, apart from the page itself and what lies inside it.
        errors: Messages of its console and uncaught errors, among them what its policy refused.
    """

    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium; tests are skipped where there is none."""
    if EXECUTABLE is None:
        pytest.skip("needs Chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=EXECUTABLE)
        yield browser
        browser.close()


@contextmanager
def visit(
    browser: Browser,
    file: Path,
    *,
    width: int = 1280,
    theme: Literal["light", "dark"] = "light",
    javascript: bool = True,
) -> Iterator[Visit]:
    """Open a file in a fresh profile.

    Args:
        browser: From :func:`chromium`.
        file: The page.
        width: Of the window, in CSS pixels.
        theme: What the reader's system prefers.
        javascript: Whether scripts run.
    """
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme=theme,
        java_script_enabled=javascript,
        reduced_motion="reduce",
    )
    context.set_default_timeout(TIMEOUT)
    seen = Visit(context.new_page())

    def note_request(request: Request) -> None:
        if request.url.split("#")[0] != file.as_uri() and not request.url.startswith("data:"):
            seen.requests.append(request.url)

    def note_message(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            seen.errors.append(message.text)

    seen.page.on("request", note_request)
    seen.page.on("console", note_message)
    seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
    seen.page.goto(file.as_uri())
    yield seen
    context.close()


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong: rule, help and the first element of each."""
    pytest.importorskip("axe_playwright_python", reason="needs axe-core from the dev dependencies")
    source = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    page.evaluate(source)
    found: list[dict[str, Any]] = page.evaluate("async () => (await axe.run()).violations")
    return [f"{one['id']}: {one['help']} ({one['nodes'][0]['html'][:200]})" for one in found]
