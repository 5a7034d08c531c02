"""What the site holds, and that it is put in place whole."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from bj_pipeline.errors import ConfigurationError, DataError, MissingDataError
from bj_pipeline.report.artifacts import sha256
from bj_pipeline.report.house import load_house
from bj_pipeline.settings import Settings
from bj_pipeline.site import folder
from bj_pipeline.site.build import build_site
from bj_pipeline.site.page import company_path, sector_path
from bj_pipeline.warehouse.store import Warehouse
from bj_pipeline_tests.report.example import HOSTILE_NAMES
from bj_pipeline_tests.site.series import HOUSE, SECTORS, Home, company, from_sample, write

FIRST, OTHER = "920001.BJ", "920002.BJ"
LOCAL_FORMS = ("report.html", "report.docx")


class _Links(HTMLParser):
    """Addresses, ids and scripts of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.ids: list[str] = []
        self.scripts: list[str | None] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.targets += [attributes[name] or "" for name in ("href", "src") if name in attributes]
        if "id" in attributes:
            self.ids.append(attributes["id"] or "")
        if tag == "script":
            self.scripts.append(attributes.get("src"))

    def handle_data(self, data: str) -> None:
        self.text += data


def _crawl(site: Path) -> tuple[set[Path], list[str]]:
    """Pages that are reached from the index, and links that lead nowhere."""
    reached, waiting, dead = set[Path](), [site / "index.html"], list[str]()
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for target in _Links(page.read_text(encoding="utf-8")).targets:
            if target == "data:,":
                continue
            parts = urlsplit(target)
            there = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            if parts.scheme or parts.netloc or not there.is_relative_to(site.resolve()):
                dead.append(f"{page.name}: {target} leaves the site")
            elif not there.is_file():
                dead.append(f"{page.name}: {target}")
            elif there.suffix == ".html" and there.name != "report.html":
                waiting.append(there)
                ids = _Links(there.read_text(encoding="utf-8")).ids if parts.fragment else []
                if parts.fragment and unquote(parts.fragment) not in ids:
                    dead.append(f"{page.name}: {target} has no such place")
    return reached, dead


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path.resolve())


@pytest.fixture
def small(home) -> Home:
    """Three issues with two companies; one of them in the AI chain."""
    for number in (1, 2, 3):
        write(
            home.warehouse,
            number,
            [company(FIRST, segment="AIPC"), company(OTHER, name="乙公司", sector=SECTORS[1])],
        )
    return home


def test_every_page_is_reached_from_the_index_and_no_link_is_dead(small) -> None:
    small.finish(2, {name: name.encode() for name in LOCAL_FORMS})
    report = small.build()
    reached, dead = _crawl(small.site)
    assert dead == []
    assert reached == {
        path for path in small.site.rglob("*.html") if not path.parent.name.startswith("issue-")
    }
    assert report.pages == len(reached) == 3 + len(SECTORS) + 2


def test_a_real_build_of_the_sample_has_no_dead_link(sample_issue, tmp_path) -> None:
    settings = Settings(home=sample_issue.home)
    site = tmp_path.resolve() / "site"
    built = build_site(Warehouse(settings.warehouse_url), settings, load_house(), site)
    reached, dead = _crawl(site)
    assert dead == []
    assert built.pages == len(reached) > 150
    index = _Links((site / "index.html").read_text(encoding="utf-8"))
    assert "issue-065/report.pdf" in index.targets
    assert (site / "issue-065/report.pdf").read_bytes() == sample_issue.artifact(
        65, "report.pdf"
    ).read_bytes()
    # What stands in the published issue stands on the site: front page, market and sectors.
    for figure in ("+0.70%", "96家", "占 63%", "50.0", "+13.61%"):
        assert figure in index.text


def test_only_forms_that_exist_are_offered(small) -> None:
    folder = small.finish(3, {name: name.encode() for name in LOCAL_FORMS})
    (folder / "notes.txt").write_bytes(b"")
    report = small.build()
    targets = set(_Links(small.page("index.html")).targets)
    assert {one for one in targets if one.startswith("issue-")} == {
        f"issue-003/{name}" for name in LOCAL_FORMS
    }
    assert sorted(path.name for path in (small.site / "issue-003").iterdir()) == sorted(LOCAL_FORMS)
    assert (report.forms, report.form_bytes) == (2, sum(map(len, LOCAL_FORMS)))


def _cut(form: Path) -> None:
    form.write_bytes(form.read_bytes()[:-1])


def _link(form: Path) -> None:
    form.unlink()
    form.symlink_to("/etc/passwd")


@pytest.mark.parametrize("spoil", [_cut, _link, Path.unlink])
def test_a_published_file_that_is_not_the_approved_one_is_refused(small, spoil) -> None:
    published = small.settings.published / "issue-003"
    published.mkdir(parents=True)
    for name in LOCAL_FORMS:
        (published / name).write_bytes(name.encode())
    hashes = {3: {name: sha256(name.encode()) for name in LOCAL_FORMS}}

    def build() -> None:
        place = small.settings.published
        build_site(small.warehouse, small.settings, HOUSE, small.site, forms=place, hashes=hashes)

    build()
    before = small.files()
    spoil(published / "report.html")
    with pytest.raises(DataError, match=r"^issue-003/report\.html.*Restore.*withdraw 3"):
        build()
    assert small.files() == before


@pytest.mark.parametrize("spoil", [_cut, _link])
def test_a_draft_that_is_not_as_it_was_built_is_refused(small, spoil) -> None:
    folder = small.finish(3, {name: name.encode() for name in LOCAL_FORMS})
    small.build()
    before = small.files()
    spoil(folder / "report.html")
    with pytest.raises(DataError, match=r"^issue-003/report\.html.*built.*run --issue 3"):
        small.build()
    assert small.files() == before


def test_a_draft_without_its_record_is_refused(small) -> None:
    folder = small.finish(3, {name: name.encode() for name in LOCAL_FORMS})
    (folder / "manifest.json").unlink()
    with pytest.raises(DataError, match=r"^issue-003/report\.docx.*built"):
        small.build()


def test_nothing_in_the_site_names_an_address_outside(small) -> None:
    small.build()
    for path, content in small.files().items():
        if not path.endswith(".woff"):
            assert b"//" not in re.sub(rb"(?m)^\s*//.*$|; //.*$", b"", content), path


def test_the_same_data_give_the_same_bytes(small) -> None:
    small.build()
    once = small.files()
    small.build()
    assert small.files() == once


def test_only_the_issues_asked_for_are_shown(small) -> None:
    report = small.build([1, 2])
    assert report.issues == 2
    text = _Links(small.page("index.html")).text
    assert "最新一期：第 2 期" in text
    assert "第 3 期" not in text


def test_an_issue_that_was_never_built_is_named(small) -> None:
    with pytest.raises(MissingDataError, match=r"issue 7\. .*--issue 7"):
        small.build([1, 7])


def test_an_empty_warehouse_gives_no_site(home) -> None:
    with pytest.raises(MissingDataError, match="no issue to show"):
        home.build()
    assert not home.site.exists()


# ---------------------------------------------------------------- names


def test_a_renamed_company_shows_its_latest_name_and_keeps_its_earlier_ones(home) -> None:
    for number, name in ((1, "旧名"), (2, "旧名"), (3, "新名")):
        write(home.warehouse, number, [company(FIRST, name=name)])
    home.build()
    text = home.page(company_path(FIRST))
    assert "<h1>新名</h1>" in text
    history = text[text.index('id="exhibit-spans"') : text.index('id="issues"')]
    row = re.search(r"旧名</td><td>(.*?)</td><td>(.*?)</td>", history)
    assert row is not None
    assert row.groups() == ("第 1 期（2024-11-29）", "第 2 期（2024-12-06）")
    assert '["920001.BJ", "新名", "873001", "旧名", "电子设备"]' in home.page("assets/companies.js")


def test_a_company_is_found_by_the_code_it_had_before_the_switch(home) -> None:
    write(home.warehouse, 65, [company("920493.BJ")])
    home.build()
    assert '"839493"' in home.page("assets/companies.js")
    assert "839493" in _Links(home.page(company_path("920493.BJ"))).text


def test_names_that_are_markup_stay_text_and_never_become_file_names(home) -> None:
    hostile = (*HOSTILE_NAMES, "</script><script>alert(1)</script>", "../../x", 'a" onload="x()')
    codes = [f"92{at:04d}.BJ" for at in range(len(hostile))]
    rows = [
        company(code, name=name, segment="AIPC" if at % 2 else None)
        for at, (code, name) in enumerate(zip(codes, hostile, strict=True))
    ]
    write(home.warehouse, 1, rows)
    home.build()
    for code, name in zip(codes, hostile, strict=True):
        page = _Links(home.page(company_path(code)))
        assert name in page.text
        assert len(page.scripts) == 3
        assert None not in page.scripts
        assert name in _Links(home.page("companies.html")).text
    allowed = r"[a-z0-9/.-]+"
    assert [path for path in home.files() if not re.fullmatch(allowed, path)] == []
    assert _crawl(home.site)[1] == []


def test_a_sector_may_be_called_anything() -> None:
    names = ("机械设备", "A/B", "..", "<b>", "")
    paths = {sector_path(name) for name in names}
    assert len(paths) == len(names)
    assert all(re.fullmatch(r"sector/[0-9a-f]{8}\.html", path) for path in paths)


def test_a_code_that_is_no_code_is_refused_before_it_becomes_a_file_name(home) -> None:
    write(home.warehouse, 1, [company("../../x")])
    with pytest.raises(DataError, match="six digits"):
        home.build()
    assert not home.site.exists()


def test_a_house_colour_that_is_no_colour_is_refused(small) -> None:
    with pytest.raises(ConfigurationError, match="accent"):
        small.build(house=HOUSE.model_copy(update={"accent": "red; } body { display: none"}))


# ---------------------------------------------------------------- sample


def test_every_page_of_a_site_of_sample_issues_says_so(small) -> None:
    for number in (1, 2, 3):
        from_sample(small.warehouse, number)
    small.build()
    pages = list(small.site.rglob("*.html"))
    assert pages
    for page in pages:
        assert "本站数字为演示而编制，并非真实行情" in page.read_text(encoding="utf-8"), page.name


def test_a_site_with_some_sample_issues_names_them_on_every_page(small) -> None:
    for number in (1, 2):
        from_sample(small.warehouse, number)
    small.build()
    for page in small.site.rglob("*.html"):
        assert "第 1～2 期的数字为演示而编制" in page.read_text(encoding="utf-8"), page.name


def test_a_site_of_real_issues_carries_no_sample_bar(small) -> None:
    small.build()
    for page in small.site.rglob("*.html"):
        assert "示例数据" not in page.read_text(encoding="utf-8"), page.name


# ---------------------------------------------------------------- the folder


def test_a_build_that_fails_leaves_the_old_site_untouched(small) -> None:
    small.build()
    before = small.files()
    beside = set(small.site.parent.iterdir())

    def half_a_build() -> None:
        with folder.replaced(small.site) as new:
            folder.write(new / "index.html", b"half a page")
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"):
        half_a_build()
    assert small.files() == before
    assert set(small.site.parent.iterdir()) == beside


def test_a_rebuild_leaves_nothing_of_the_old_site(small) -> None:
    small.build()
    write(small.warehouse, 3, [company(OTHER)])
    small.build([3])
    assert [path.name for path in (small.site / "company").iterdir()] == ["920002.html"]
    assert [path.name for path in small.site.parent.iterdir() if "site" in path.name] == ["site"]


def test_a_folder_of_somebody_else_is_left_alone(small) -> None:
    small.site.mkdir()
    letter = small.site / "letter.txt"
    letter.write_text("dear", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="no site of ours"):
        small.build()
    assert letter.read_text(encoding="utf-8") == "dear"


def test_an_empty_folder_may_be_the_target(small) -> None:
    small.site.mkdir()
    small.build()
    assert (small.site / folder.MARK).is_file()


# ---------------------------------------------------------------- size


def test_a_long_series_builds_in_seconds_and_its_pages_stay_light(home) -> None:
    issues, size = range(1, 66), 150
    for number in issues:
        write(
            home.warehouse,
            number,
            [
                company(
                    f"92{at:04d}.BJ",
                    name=f"公司{at:03d}",
                    sector=SECTORS[at % 2],
                    segment="AI应用" if at < 28 else None,
                    change=((at * 7 + number * 13) % 41 - 20) / 173,
                    close=10 + (at * number) % 97 / 7,
                    market_cap=1e9 + 1e7 * ((at * 31 + number * 17) % 501),
                    pe_ttm=(at * 13 + number * 5) % 700 - 80 + 0.37,
                )
                for at in range(size)
            ],
        )
    report = home.build()
    assert (report.issues, report.companies) == (65, size)
    assert report.seconds < 30
    sizes = {path: len(content) for path, content in home.files().items()}
    assert max(size for path, size in sizes.items() if path.startswith("company/")) < 60_000
    assert sizes["index.html"] < 200_000
    assert max(sizes.values()) < 200_000
