# ruff: noqa: E501 - cases are read a line each
"""Curated files, settings and an analyst's files with a fault: refused by file, line and rule."""

import errno
import os
import pty
import re
from pathlib import Path

import pytest

from bj_pipeline import reference
from bj_pipeline.automation import notify
from bj_pipeline.errors import DataError, PipelineError
from bj_pipeline.issues import by_number, load, load_overrides
from bj_pipeline.outages import OutageError, explained
from bj_pipeline.report import fonts
from bj_pipeline.report.house import HOUSE_FILE, load_house
from bj_pipeline.report.logo import load_logo
from bj_pipeline.report.picks import load_picks
from bj_pipeline.report.topic import load_topic
from bj_pipeline.settings import Settings
from bj_pipeline.sources import codes, combined, mappings, registry
from bj_pipeline_tests.endurance import corpus
from bj_pipeline_tests.endurance.judging import in_time, refusal

REFERENCE = Path(reference.__file__).parent

# --- curated files -----------------------------------------------------------------------------

CURATED = ("pool.csv", "ai_chain.csv", "indices.csv", "buckets.csv")


@pytest.fixture
def curated(tmp_path):
    for name in CURATED:
        lines = (REFERENCE / name).read_bytes().splitlines(keepends=True)
        # A few companies are as good as all of them, and quicker.
        kept = lines[:12] if name in CURATED[:2] else lines
        (tmp_path / name).write_bytes(b"".join(kept))
    return tmp_path


@pytest.mark.parametrize("name", CURATED)
def test_a_curated_file_that_was_cut_anywhere_within_a_line_is_refused(curated, name):
    content = (curated / name).read_bytes()
    for end in range(len(content) - 1):
        if content[:end].endswith(b"\n"):
            continue
        (curated / name).write_bytes(content[:end])
        refusal(name, lambda: reference.load_reference(curated))


SPOILED_LINES = {
    "an invisible character": ("pool.csv", ",", "\u200b,", 3),
    "a turned direction": ("pool.csv", ",", "\u202e,", 3),
    "an open quotation": ("ai_chain.csv", ",", ',"', 3),
    "an own line end": ("pool.csv", ",", ",甲\u2028乙", 3),
    "a missing cell": ("ai_chain.csv", ",", "", 3),
    "one cell more": ("pool.csv", ",", ",,", 3),
    "a code of Shanghai": ("pool.csv", ".BJ", ".SH", 3),
    "NaN as an edge": ("buckets.csv", ",20", ",nan", 3),
    "infinity as an edge": ("buckets.csv", ",20", ",inf", 3),
    "a full-width edge": ("buckets.csv", ",20", ",２０", 3),
    "a code in full-width digits": ("pool.csv", "92", "９２", 3),
    "a year of two digits": ("pool.csv", ",2024", ",0024", 3),
    "a year far ahead": ("pool.csv", ",2024", ",2204", 3),
    "an edge with a separator": ("buckets.csv", ",20", ",2_0", 3),
    "an index without exchange": ("indices.csv", ".SH", "", 3),
    "a text without end": ("pool.csv", ",", "," + "长" * 600, 3),
    "marks without end": ("ai_chain.csv", ",", ",e" + "\u0301" * 600, 3),
}


@pytest.mark.parametrize("what", SPOILED_LINES)
def test_a_spoiled_line_of_a_curated_file_is_named_by_its_number(curated, what):
    name, old, new, line = SPOILED_LINES[what]
    lines = (curated / name).read_text(encoding="utf-8").splitlines(keepends=True)
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    # A blank line above must not move the number.
    (curated / name).write_text("".join([lines[0], "\n", *lines[1:]]), encoding="utf-8")
    error = refusal(name, lambda: reference.load_reference(curated))
    assert error.row in {line + 1, line + 2}, str(error)


@pytest.mark.parametrize("name", ["pool.csv", "ai_chain.csv"])
def test_a_company_under_its_old_code_is_refused_and_its_present_one_told(curated, name):
    old, new = next(iter(codes.mapping().items()))
    lines = (curated / name).read_text(encoding="utf-8").splitlines(keepends=True)
    lines[2] = f"{old}{lines[2][6:]}"
    (curated / name).write_text("".join(lines), encoding="utf-8")
    error = refusal(name, lambda: reference.load_reference(curated))
    assert (error.row, f"{new}.BJ" in error.remedy) == (3, True)


def test_an_index_that_stands_twice_is_refused_with_both_lines(curated):
    file = curated / "indices.csv"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join([*lines, lines[1]]), encoding="utf-8")
    with pytest.raises(DataError, match=rf"line {len(lines) + 1}: an index stands once .* on 2"):
        reference.load_reference(curated)


MAPPING = {
    "a pair less": lambda lines: lines[:-1],
    "a pair more": lambda lines: [*lines, "899999,929999,1\n"],
    "an old code twice": lambda lines: [*lines[:-1], lines[1].replace("920017", "929999")],
    "a new code twice": lambda lines: [*lines[:-1], "899999,920017,1\n"],
    "five digits": lambda lines: [*lines[:-1], lines[-1].replace("9", "", 1)],
    "full-width digits": lambda lines: [*lines[:-1], "\uff1899999,929999,1\n"],
    "a formula": lambda lines: [*lines[:-1], "=1+1,929999,1\n"],
    "an open quotation": lambda lines: [*lines[:-1], '"899999,929999,1\n'],
    "no text": lambda _: ["\0\n"],
    "nothing": lambda _: [],
}


@pytest.mark.parametrize("what", MAPPING)
def test_pairs_of_codes_that_are_not_those_of_the_switch_are_refused(tmp_path, what):
    lines = codes.MAPPING_FILE.read_text(encoding="utf-8").splitlines(keepends=True)
    spoiled = tmp_path / "bse_code_mapping.csv"
    spoiled.write_text("".join(MAPPING[what](lines)), encoding="utf-8")
    with pytest.raises(DataError, match=r"^bse_code_mapping\.csv.*(Restore|Correct)"):
        codes.mapping(spoiled)


def test_buckets_without_a_last_one_that_is_open_are_refused(curated):
    path = curated / "buckets.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:-1]), encoding="utf-8")
    assert (
        "above the last" in refusal("buckets.csv", lambda: reference.load_reference(curated)).rule
    )


@pytest.mark.parametrize(
    "content",
    ["week,action\n2026-W01,skip\n", "", "week,action,number,reason\n2026-W01,skip\n",
     "week,action,number,reason\n2026-W01,renumber,²,x\n", "week,action,number,reason\n2026-W01,drop,,x\n"],
)  # fmt: skip
def test_wrong_overrides_of_issues_are_refused(tmp_path, content):
    (tmp_path / "overrides.csv").write_text(content, encoding="utf-8")
    refusal("overrides.csv", lambda: load_overrides(tmp_path / "overrides.csv"))


LAUGHS = "a: &a [ha, ha, ha]\n" + "".join(
    f"{this}: &{this} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, this in zip("abcdefgh", "bcdefghi", strict=True)
)
YAML = {
    "aliases of aliases": LAUGHS + "name: *i\n",
    "deep lists": "name: " + "[" * 100_000,
    "deep blocks": "- " * 50_000 + "x\n",
    "deep maps": "name: " + "{a: " * 50_000,
    "a key twice": "name: a\nname: b\n",
    "an object": "name: !!python/object/apply:os.system [id]\n",
    "tabs": "name:\t\n\t- a\n",
    "no map": "- a\n- b\n",
    "nothing": "",
    "merges": "x: &x {k: 1}\n" + "".join(f"k{at}: {{<<: [*x, *x, *x]}}\n" for at in range(9)),
    "binary": "\x00\x01",
    "a document more": "name: a\n---\nname: b\n",
    "a turned direction as an escape": 'name: "a\\u202eb"\n',
    "no width as an escape": 'name: "\\u200b"\n',
    "NUL as an escape": 'name: "a\\0b"\n',
    "a bell as an escape": 'name: {x: ["a\\ab"]}\n',
    "a binary": "name: !!binary aGk=\n",
    "a set": "name: !!set {a}\n",
    "a moment that is none": "name: !!timestamp x\n",
    "a word as a number": "name: !!int x\n",
    "a day of no calendar": "name: 2026-02-30\n",
    "a number without end": f"name: 0x{'f' * 5000}\n",
    "digits without end": f"name: {'9' * 5000}\n",
    "megabytes": "name: " + "x" * 6_000_000 + "\n",
}


@pytest.mark.parametrize("what", YAML)
@pytest.mark.parametrize("reader", ["house", "profile", "vendor", "topic"])
def test_hostile_yaml_is_refused_at_once_wherever_it_is_read(tmp_path, what, reader):
    content = YAML[what]
    if reader == "house":
        (tmp_path / "house.yaml").write_text(content, encoding="utf-8")
        refusal("house.yaml", lambda: load_house(tmp_path / "house.yaml"))
    elif reader == "profile":
        (tmp_path / "mine.yaml").write_text(content, encoding="utf-8")
        with in_time(), pytest.raises(PipelineError, match=r"mine\.yaml") as raised:
            combined.read_profile(tmp_path / "mine.yaml")
        assert len(str(raised.value)) < 1000
    elif reader == "vendor":
        (tmp_path / "mine.yaml").write_text(
            "vendor: mine\n" * (what != "nothing") + content, "utf-8"
        )
        if what == "nothing":
            content = "- "
            (tmp_path / "mine.yaml").write_text(content, encoding="utf-8")
        refusal("mine.yaml", lambda: mappings.vendors(tmp_path))
    else:
        (tmp_path / "topic.md").write_text(f"---\n{content}\n---\n\ntext\n", encoding="utf-8")
        refusal("topic.md", lambda: load_topic(tmp_path))


FIGURE = "---\nkind: bars\ntitle: 一\nunit: 亿元\nsource: 二\ndigits: 1\n---\n年份,市场\n2024,100.5\n2025,120.5\n"
PAGE = "---\ntitle: 专题\nkey_point: 要点\n---\n\n正文。\n\n![图](market.csv)\n"
PICKS = "date,code,name,category,text\n2026-02-27,920493.BJ,并行科技,合同,签订合同。\n"


@pytest.fixture
def topic(tmp_path):
    (tmp_path / "topic.md").write_text(PAGE, encoding="utf-8")
    (tmp_path / "market.csv").write_text(FIGURE, encoding="utf-8")
    (tmp_path / "announcements.csv").write_text(PICKS, encoding="utf-8")
    return tmp_path


def test_a_figure_that_was_cut_anywhere_within_a_line_is_refused(topic):
    whole = load_topic(topic)
    assert whole is not None
    printed = {fact.row: fact.value for fact in whole.facts.values()}
    content = FIGURE.encode()
    for end in range(len(content)):
        (topic / "market.csv").write_bytes(content[:end])
        if content[:end].endswith(b"\n") and content[:end].count(b"\n") > 8:
            found = load_topic(topic)
            assert found is not None
            assert {
                fact.row: fact.value for fact in found.facts.values()
            }.items() <= printed.items()
        else:
            refusal("market.csv", lambda: load_topic(topic))


@pytest.mark.parametrize(
    "cell",
    [one for one in corpus.REFUSED if "," not in one and len(one) < 30] + ["1 525", "１５", "+1"],
)
def test_what_is_no_plain_number_is_refused_in_an_analysts_figure(topic, cell):
    (topic / "market.csv").write_text(FIGURE.replace("100.5", cell), encoding="utf-8")
    assert refusal("market.csv", lambda: load_topic(topic)).row == 9


@pytest.mark.parametrize("cell", ["9" * 400, "9" * 16, f"0.{'0' * 400}1", f"1.{'3' * 40}"])
def test_digits_that_no_number_keeps_are_refused_in_an_analysts_figure(topic, cell):
    (topic / "market.csv").write_text(FIGURE.replace("100.5", cell), encoding="utf-8")
    assert refusal("market.csv", lambda: load_topic(topic)).row == 9


ENDLESS_FIGURES = {
    "rows": FIGURE + "".join(f"{year},1\n" for year in range(3000, 103_000)),
    "columns": FIGURE.split("年份", 1)[0]
    + f"年份,{','.join(f'c{at}' for at in range(5000))}\n2024{',1' * 5000}\n",
}


@pytest.mark.parametrize("what", ENDLESS_FIGURES)
def test_a_figure_without_end_is_refused_before_it_is_drawn(topic, what):
    (topic / "market.csv").write_text(ENDLESS_FIGURES[what], encoding="utf-8")
    assert "at most" in refusal("market.csv", lambda: load_topic(topic)).rule


@pytest.mark.parametrize(
    "reference_", ["&#x202e;", "&#8203;", "&zwj;", "&shy;", "&#xFEFF;", "&rlm;"]
)
@pytest.mark.parametrize("place", ["正文{}。", "**正{}文**", "[正{}文](https://example.com)"])
def test_what_cannot_be_seen_is_refused_however_it_is_written(topic, reference_, place):
    text = PAGE.replace("正文。", place.format(reference_))
    (topic / "topic.md").write_text(text, encoding="utf-8")
    assert refusal("topic.md", lambda: load_topic(topic)).row == 6


LINKS = [
    "[a](https://user:secret@example.com)", "[a](https://user@example.com)", "<https://u:p@example.com>",
    "[a](https://example.com\\@b.c)", "[a](https://)", "[a](https:///b)", "[a](https://[::1)",
    "[a](http://example.com:99999/)", "[a](https://exam%20ple.com)", "[](https://example.com)",
    '[a](https://example.com "unseen")',
]  # fmt: skip


@pytest.mark.parametrize("link", LINKS)
def test_a_link_that_is_not_to_a_public_address_or_loses_words_is_refused(topic, link):
    (topic / "topic.md").write_text(PAGE.replace("正文。", f"见{link}。"), encoding="utf-8")
    assert refusal("topic.md", lambda: load_topic(topic)).row == 6


LENGTHY = {
    "a topic's title": ("topic.md", "专题"),
    "a key point": ("topic.md", "要点"),
    "a figure's name": ("topic.md", "market"),
    "a figure's title": ("market.csv", "一"),
    "a unit": ("market.csv", "亿元"),
    "a category": ("market.csv", "2024"),
    "a pick's company": ("announcements.csv", "并行科技"),
    "a pick's text": ("announcements.csv", "签订合同"),
}


@pytest.mark.parametrize("what", LENGTHY)
def test_a_text_without_end_is_refused_in_an_analysts_files(topic, what):
    name, words = LENGTHY[what]
    path, issue = topic / name, by_number(65)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(words, "长" * 5000), encoding="utf-8")
    refusal(name, lambda: (load_topic(topic), load_picks(topic, issue)))


HOUSE = {
    "name": "长" * 5000,
    "contact": "长" * 5000,
    "language": "a" * 5000,
    "logo": f"{'a' * 5000}.svg",
}


@pytest.mark.parametrize("key", HOUSE)
def test_a_word_without_end_is_refused_in_the_house_file(tmp_path, key):
    lines = HOUSE_FILE.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith(f"{key}:")]
    text = "\n".join([*kept, f"{key}: {HOUSE[key]}", ""])
    (tmp_path / "house.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "logo.svg").write_bytes((HOUSE_FILE.parent / "logo.svg").read_bytes())
    refusal("house.yaml", lambda: load_house(tmp_path / "house.yaml"))


VENDOR = {
    "a list as its base": "vendor: mine\nextends: [a, [b]]\n",
    "no name": 'vendor: ""\n',
    "a path as its name": "vendor: ../../etc\n",
    "a unit of no family":
        "vendor: mine\nspreadsheet:\n  identity: {code: [代码]}\n"
        "  tables: {raw_quotes: {close: {kind: positive, unit: gold, labels: [收盘价]}}}\n",
    "no header of codes": "vendor: mine\nspreadsheet:\n  identity: {code: []}\n  tables: {}\n",
}  # fmt: skip


@pytest.mark.parametrize("what", VENDOR)
def test_a_mapping_file_that_could_not_be_used_is_refused(tmp_path, what):
    (tmp_path / "mine.yaml").write_text(VENDOR[what], encoding="utf-8")
    refusal("mine.yaml", lambda: mappings.vendors(tmp_path))


@pytest.mark.parametrize("names", ["[]", "[sample, sample]", "[files, nobody]"])
def test_a_profile_whose_sources_cannot_be_asked_is_named(tmp_path, names):
    (tmp_path / "mine.yaml").write_text(f"raw_quotes: {names}\n", encoding="utf-8")
    settings = Settings(home=tmp_path / "home")
    with pytest.raises(PipelineError, match=r"^mine\.yaml: "):
        registry.open_source(str(tmp_path / "mine.yaml"), None, settings)


@pytest.mark.parametrize("piece", ["长" * 1000, "段落。\n\n", "[a](https://b.c) ", "[", "\\"])
def test_a_topic_without_end_is_refused_at_once(topic, piece):
    text = PAGE.replace("正文。", piece * (200_000 // len(piece)))
    (topic / "topic.md").write_text(text, encoding="utf-8")
    assert "at most" in refusal("topic.md", lambda: load_topic(topic)).rule


def test_picks_that_were_cut_anywhere_within_a_line_are_refused(topic):
    issue, content = by_number(65), PICKS.encode()
    for end in range(len(content) - 1):
        if not content[:end].endswith(b"\n"):
            (topic / "announcements.csv").write_bytes(content[:end])
            refusal("announcements.csv", lambda: load_picks(topic, issue))


@pytest.mark.parametrize(
    "place",
    ["../secret.csv", "/etc/passwd", "..%2fsecret.csv", "%2e%2e/secret.csv", "C:\\x.csv", "http://a/b.csv",
     "market.csv%00", "file:///etc/passwd", "//host/share.csv", "link.csv"],
)  # fmt: skip
def test_a_figure_from_elsewhere_is_refused(topic, place):
    (topic.parent / "secret.csv").write_text(FIGURE, encoding="utf-8")
    (topic / "link.csv").symlink_to("../secret.csv")
    (topic / "topic.md").write_text(PAGE.replace("market.csv", f"<{place}>"), encoding="utf-8")
    error = refusal("", lambda: load_topic(topic))
    assert error.file.endswith(("topic.md", "link.csv"))


@pytest.mark.parametrize("name", ["topic.md", "market.csv", "announcements.csv"])
@pytest.mark.parametrize("what", ["\u200b", "\u202e", "\x00", "\x1b", "\u2028", "\ufeff", "\u00ad"])
def test_what_cannot_be_seen_is_refused_in_an_analysts_files(topic, name, what):
    path = topic / name
    before = path.read_text(encoding="utf-8")
    lines = before.splitlines(keepends=True)
    lines[1] = lines[1].replace("\n", f"{what}\n")
    path.write_text("".join(lines), encoding="utf-8")
    issue = by_number(65)
    error = refusal(name, lambda: (load_topic(topic), load_picks(topic, issue)))
    assert error.row == 2
    assert str(error).isprintable()


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_too_few_open_files_are_not_blamed_on_the_file(monkeypatch, code):
    def exhausted(*_arguments):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "open", exhausted)
    for read in (
        lambda: load_house(HOUSE_FILE),
        lambda: reference.load_reference(REFERENCE),
        lambda: combined.read_profile(HOUSE_FILE),
    ):
        with pytest.raises(OutageError, match="Raise the limits"):
            read()


def test_a_font_without_memory_for_it_is_told_as_that(monkeypatch):
    def unmapped(_path):
        raise fonts.hb.HarfBuzzError("Failed to open")

    monkeypatch.setattr(fonts.hb.Blob, "from_file_path", unmapped, raising=True)
    fonts.face.cache_clear()
    with pytest.raises(OutageError, match="Raise the limits"), explained():
        fonts.face()


def test_the_shipped_house_is_read():
    assert load_house(HOUSE_FILE).name


# --- what is no file -----------------------------------------------------------------------------


def _pipe(place: Path) -> None:
    os.mkfifo(place)


def _endless(place: Path) -> None:
    place.symlink_to("/dev/zero")


def _silent(place: Path) -> None:
    ours, theirs = pty.openpty()
    place.symlink_to(os.ttyname(theirs))
    os.close(ours)


NO_FILES = {
    "a pipe": _pipe,
    "an endless device": _endless,
    "a folder": Path.mkdir,
    "a terminal": _silent,
}
READ = {
    "pool.csv": reference.load_reference,
    "buckets.csv": reference.load_reference,
    "house.yaml": lambda folder: load_house(folder / "house.yaml"),
    "logo.png": lambda folder: load_logo(folder, "logo.png", "#123456"),
    "topic.md": load_topic,
    "announcements.csv": lambda folder: load_picks(folder, by_number(65)),
    "mine.yaml": mappings.vendors,
    "profile.yaml": lambda folder: combined.read_profile(folder / "profile.yaml"),
    "urls": lambda folder: notify.targets(Settings(home=folder, alert_urls_file=folder / "urls")),
    "issues.csv": lambda folder: load(folder / "issues.csv"),
    "overrides.csv": lambda folder: load_overrides(folder / "overrides.csv"),
}


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("what", NO_FILES)
def test_what_is_no_file_is_refused_by_name_and_never_waited_for(curated, what, name):
    (curated / name).unlink(missing_ok=True)
    NO_FILES[what](curated / name)
    with in_time(), pytest.raises(PipelineError, match=re.escape(name)) as raised:
        READ[name](curated)
    assert "\n" not in str(raised.value)


LISTS = {"issues.csv": load, "overrides.csv": load_overrides}
ROWS = {
    "issues.csv": "number,week,first_session,last_session,base_date,sessions\n"
    "1,2024-W48,2024-11-25,2024-11-25,2024-11-22,2024-11-25\n",
    "overrides.csv": "week,action,number,reason\n2026-W01,skip,,x\n",
}
SPOILED_BYTES = {
    "GB18030": "\u5047\u671f\n".encode("gb18030"),
    "an open quotation": b'"2024\n',
    "text behind a quotation": b'"a"b,c,d,e\n',
    "NUL": b"\0\n",
    "one cell more": b"1,2,3,4,5,6,7\n",
    "one cell less": b"1,2,3\n",
    "another line": b"1,2024-W48,x,x,x,x\n",
}


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("what", SPOILED_BYTES)
def test_a_spoiled_list_of_issues_is_refused_with_its_line(tmp_path, what, name):
    (tmp_path / name).write_bytes(ROWS[name].encode())
    assert LISTS[name](tmp_path / name)
    (tmp_path / name).write_bytes(ROWS[name].encode() + SPOILED_BYTES[what])
    assert refusal(name, lambda: LISTS[name](tmp_path / name)).row == 3
