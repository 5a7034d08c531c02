"""The Dagster UI of ``bj-pipeline dev``, as shipped, for tests that use it as a person does.

What belongs here: the gestures by which a person builds an issue and reads a check, and pictures of
pages. What does not: starting and stopping the program (:mod:`.dev_server`), and what the pages
should show.
"""

import io
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator

from bj_pipeline.quality.check import Check
from bj_pipeline.quality.raw import CHECKS
from bj_pipeline_tests.command_line import PROJECT
from bj_pipeline_tests.end_to_end.dev_server import dev_server
from bj_pipeline_tests.report.browser import Browser, Page, expect

__all__ = [
    "ISSUE",
    "LARGEST_PICTURE",
    "QUOTE_CHECKS",
    "Operator",
    "dev_server",
    "keep_picture",
    "operator",
]

ISSUE = 65
QUOTE_CHECKS = [one for one in CHECKS if one.asset == "raw_quotes"]
LARGEST_PICTURE = 150_000
"""Bytes of a picture in the documentation."""
RUN_SECONDS = 150
"""How long a run may take, from the click to its end: 20 s on two idle cores."""
PAGE_SECONDS = 60
"""How long anything on a page may take; only a busy machine and failures need more than one."""
_ENDS = 8
"""Letters at either end of a name that the UI shows however little room there is."""
_PAPER = "#f0f1f3"
"""Behind the metadata of a check."""


@dataclass(frozen=True)
class Operator:
    """A person at the UI.

    Attributes:
        page: The browser's tab.
        address: Of the UI.
    """

    page: Page
    address: str

    def open(self, path: str) -> None:
        """Go to a page of the UI."""
        self.page.goto(self.address + path)

    def build_issue(self, number: int) -> str:
        """Build an issue with the job ``issue``, through the dialog that asks for the partition.

        Returns:
            How the run ended, in the UI's words.
        """
        page = self.page
        self.open("/locations/bj_pipeline/jobs/issue")
        page.get_by_role("button", name="Materialize all").click()
        page.get_by_text("Select a partition or create one").click()
        page.get_by_placeholder("Filter partitions").fill(str(number))
        page.get_by_role("menuitem").filter(has_text=str(number)).click()
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Launch 1 run").click()
        expect(page.get_by_text("Launched run")).to_be_visible()

        page.get_by_text("View", exact=True).click()
        ended = page.get_by_text("Success", exact=True).or_(page.get_by_text("Failure", exact=True))
        expect(ended.first).to_be_visible(timeout=RUN_SECONDS * 1000)
        return ended.first.inner_text()

    def shown(self, name: str) -> Locator:
        """A name as the UI shows it: long ones are shortened in the middle."""
        pattern = re.escape(name)
        if len(name) > 2 * _ENDS:
            pattern = f"{re.escape(name[:_ENDS])}.*{re.escape(name[-_ENDS:])}"
        return self.page.get_by_text(re.compile(f"^{pattern}$")).filter(visible=True)

    def labelled(self, label: str) -> Locator:
        """A value and the label above it."""
        return self.page.get_by_text(label, exact=True).locator("..")

    def open_checks(self, asset: str) -> None:
        """Open the tab *Checks* of an asset."""
        self.open(f"/assets/{asset}")
        self.page.get_by_role("tab", name="Checks", exact=True).click()
        expect(self.page.get_by_placeholder("Filter checks")).to_be_visible()

    def choose_check(self, check: Check) -> Locator:
        """Choose one of the checks in the open tab.

        Returns:
            Its result: *Passed* or *Failed*, as a coloured tag.
        """
        self.shown(check.name).first.click()
        expect(self.page.get_by_text(check.question)).to_be_visible()
        passed = self.page.get_by_text("Passed", exact=True)
        # In the list, too, a check that did not pass is called failed; the result comes after it.
        return passed.or_(self.page.get_by_text("Failed", exact=True)).last

    def open_graph(self) -> None:
        """Open the asset graph with every group unfolded and nothing beside it."""
        page = self.page
        self.open("/asset-groups")
        page.get_by_role("button", name="Hide navigation").click()
        page.get_by_role("img", name="unfold_more").first.wait_for()
        page.keyboard.press("Alt+KeyE")
        expect(page.get_by_role("img", name="dot_filled")).to_have_count(0)
        page.reload()  # fits the unfolded graph into the window


@contextmanager
def operator(
    browser: Browser, address: str, *, width: int = 1600, height: int = 950
) -> Iterator[Operator]:
    """A person with a fresh profile.

    Args:
        browser: From :func:`bj_pipeline_tests.report.browser.chromium`.
        address: Of the UI.
        width: Of the window, in CSS pixels.
        height: Of the window, in CSS pixels.
    """
    context = browser.new_context(
        viewport={"width": width, "height": height}, reduced_motion="reduce"
    )
    context.set_default_timeout(PAGE_SECONDS * 1000)
    expect.set_options(timeout=PAGE_SECONDS * 1000)
    try:
        yield Operator(context.new_page(), address)
    finally:
        expect.set_options(timeout=None)
        context.close()


def keep_picture(
    page: Page, name: str, otherwise: Path, *, without: Sequence[Locator] = ()
) -> Path:
    """Take a picture of a page, as a small PNG.

    Args:
        page: The page, as it stands.
        name: Of the file.
        otherwise: Folder for it, unless ``BJ_WRITE_SCREENSHOTS=1`` asks for the documentation's.
        without: What is painted over, such as paths of the machine that made the picture.
    """
    wanted = os.environ.get("BJ_WRITE_SCREENSHOTS") == "1"
    path = (PROJECT / "docs" / "images" if wanted else otherwise) / name
    taken = page.screenshot(animations="disabled", mask=without, mask_color=_PAPER)
    with Image.open(io.BytesIO(taken)) as picture:
        # A third of the bytes; this method also keeps colours that are rare on a page, such as red.
        reduced = picture.convert("RGB").quantize(method=Image.Quantize.MAXCOVERAGE)
    reduced.save(path, optimize=True)
    return path
