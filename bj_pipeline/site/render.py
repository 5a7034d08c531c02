"""Pages and shared files of the site as bytes.

What belongs here: markup by Jinja, the shared style, scripts, search index and font. What does not:
what pages say (``views``). Look and behaviour are the report's own (``report.css``, ``report.js``);
``site.css`` and ``search.js`` add what a report does not have.

Pages work from a disk as from a server, and ask for nothing outside the site: the policy allows
only files that lie beside them.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from bj_pipeline.errors import ConfigurationError
from bj_pipeline.report import fonts, logo
from bj_pipeline.report.document import House
from bj_pipeline.report.html import anchor, script_labels, spoken_style
from bj_pipeline.report.labels import Labels
from bj_pipeline.site import charts
from bj_pipeline.site import page as parts
from bj_pipeline.site.history import History, Series
from bj_pipeline.site.page import Link, Page
from bj_pipeline.site.views import search_entries

_SEARCH = ("hit_old", "hit_earlier", "no_hit", "more_hits", "found")
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")


@dataclass(frozen=True)
class Renderer:
    """Turns pages of one site into bytes.

    Attributes:
        house: Whose name and colours.
    """

    house: House

    def page(self, page: Page) -> bytes:
        """An HTML file in UTF-8; the same page gives the same bytes."""
        template = _environment().get_template("page.html.j2")
        return template.render(
            page=page,
            house=self.house,
            navigation=_navigation(page.series),
            sample_notice=sample_notice(page.series),
            calendar=page.series.calendar,
            draw=partial(charts.draw, labels=self.house.labels),
            disclosures=parts.DISCLOSURES,
            labels=self.house.labels,
            script_labels=_script_labels(self.house.labels),
            logo=self._logo,
        ).encode()

    def assets(self, history: History, characters: str) -> dict[str, bytes]:
        """The shared files by path.

        Args:
            history: The series.
            characters: Every character that a page shows.
        """
        entries = ",\n".join(
            json.dumps(entry, ensure_ascii=False) for entry in search_entries(history)
        )
        texts = {
            "assets/site.css": _style(self.house),
            "assets/report.js": _report_file("report.js"),
            "assets/search.js": _own_file("search.js"),
            "assets/companies.js": f'"use strict";\nconst COMPANIES = [\n{entries}\n];\n',
        }
        shown = characters + "".join(texts.values())
        files = {path: text.encode() for path, text in texts.items()}
        if self.house.logo is not None:
            files[self._logo] = logo.content(self.house.logo)
        return files | {"assets/font.woff": fonts.subset_woff(shown)}

    @property
    def _logo(self) -> str:
        """Path of the logo; empty without one."""
        return f"assets/logo.{self.house.logo.kind}" if self.house.logo else ""


def sample_notice(series: Series) -> str:
    """What a page says if any of its issues is made of sample data; else nothing."""
    labels = series.labels
    if not series.samples:
        return ""
    if len(series.samples) == len(series.issues):
        return labels["site.sample"]
    runs = _runs(labels, sorted(series.samples))
    return labels.fill("site.sample_issues", issues=labels.listed(runs))


def _navigation(series: Series) -> Sequence[Link]:
    labels = series.labels
    return (
        Link(labels["site.home"], parts.INDEX),
        *(Link(name, parts.sector_path(name)) for name in series.sectors),
        Link(labels["site.ai_chain"], parts.AI_CHAIN),
        Link(labels["site.companies"], parts.COMPANIES),
    )


def _script_labels(labels: Labels) -> dict[str, str]:
    """Labels that the report's script and ``search.js`` write."""
    return script_labels(labels) | {name: labels[f"site.{name}"] for name in _SEARCH}


def _runs(labels: Labels, numbers: Sequence[int]) -> list[str]:
    """``[1, 2, 3, 7]`` as ``1～3``, ``7``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return [
        str(run[0]) if len(run) == 1 else labels.fill("site.range", first=run[0], last=run[-1])
        for run in runs
    ]


def _style(house: House) -> str:
    """The report's style sheet under the house's colours and the site's font, then the site's."""
    colours = {"accent": house.accent, "up": house.up, "down": house.down}
    for name, colour in colours.items():
        if not _COLOUR.fullmatch(colour):
            raise ConfigurationError(f"The house's colour {name} is #RRGGBB, not {colour!r}.")
    families = ", ".join(f'"{name}"' for name in fonts.FALLBACKS)
    tokens = "".join(f"--house-{name}: {colour}; " for name, colour in colours.items())
    head = (
        f'@font-face {{ font-family: "{fonts.FAMILY}"; src: url("font.woff") format("woff"); '
        "font-weight: 100 900; font-display: swap; }\n"
        f":root {{ {tokens}--family: {families}, sans-serif; --width: {charts.WIDTH:g}; }}\n"
    )
    words = spoken_style(house.labels)
    return head + words + _report_file("report.css") + _own_file("site.css")


@cache
def _report_file(name: str) -> str:
    return files("bj_pipeline.report").joinpath("templates", name).read_text(encoding="utf-8")


@cache
def _own_file(name: str) -> str:
    return files("bj_pipeline.site").joinpath("templates", name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        loader=PackageLoader("bj_pipeline.site"),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["anchor"] = anchor
    return environment
