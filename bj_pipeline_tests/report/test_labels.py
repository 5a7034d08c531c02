"""Labels: a house speaks another language without a change of code, and no label is lost."""

import ast
import re
from pathlib import Path
from string import Formatter

import pytest
import yaml

import bj_pipeline
from bj_pipeline.errors import DataError
from bj_pipeline.issues import by_number
from bj_pipeline.reference import load_reference
from bj_pipeline.report import charts, docx, html, pdf, xlsx
from bj_pipeline.report.document import Bullets, Document, Paragraph, Table
from bj_pipeline.report.house import load_house
from bj_pipeline.report.labels import FOLDER, STANDARD, load_labels, standard_labels
from bj_pipeline.report.proofreading import Known, form_findings, read_form, text_findings
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.report.composing import composed, workbook_frames

PACKAGE = Path(bj_pipeline.__file__).parent
ISSUE = 65
CHINESE = re.compile(r"[\u4e00-\u9fff]")
# Units and a loss belong to the numbers.
WORDS_OF_NUMBERS = re.compile("亿元|万元|元|家|条|亏损|微软雅黑")
FRAMES = (
    *(PACKAGE / "report").glob("*.py"),
    *(PACKAGE / "site").glob("**/*.py"),
    *PACKAGE.glob("*/templates/*.*"),
)
# They write sentences about figures, read the analyst's, or say how numbers move.
SENTENCES = {
    "analyst_file.py",
    "compose.py",
    "data.py",
    "facts.py",
    "erratum.py",
    "revisions.py",
    "topic.py",
}


@pytest.fixture(scope="module")
def english(sample_issue) -> Document:
    house = load_house()
    labels = load_labels("en", FOLDER)
    house = house.model_copy(update={"language": "en", "labels": labels})
    return composed(sample_issue.home, ISSUE, house)


@pytest.fixture(scope="module")
def chinese(sample_issue) -> Document:
    return composed(sample_issue.home, ISSUE, load_house())


@pytest.fixture(scope="module")
def english_forms(english, sample_issue, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("english")
    pictures = charts.pictures(english)
    frames = workbook_frames(sample_issue.home, ISSUE)
    (folder / "report.pdf").write_bytes(pdf.render(english, pictures))
    (folder / "report.docx").write_bytes(docx.render(english, pictures))
    (folder / "report.html").write_bytes(html.render(english, pictures))
    (folder / "report.xlsx").write_bytes(xlsx.render(english, frames))
    return folder


def written(folder: Path, language: str, **changes: str | None) -> Path:
    """A file of labels that differs from the Chinese one."""
    labels = dict(standard_labels().root)
    for key, label in changes.items():
        if label is None:
            del labels[key]
        else:
            labels[key] = label
    path = folder / f"{language}.yaml"
    path.write_text(yaml.safe_dump(labels, allow_unicode=True), encoding="utf-8")
    return folder


# --- The files


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_language_that_ships_has_every_label(path):
    assert load_labels(path.stem, FOLDER).root.keys() == standard_labels().root.keys()


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"contents": None}, "contents"),
        ({"contants": "目录"}, "contants"),
        ({"contents": "  "}, "contents"),
        ({"page": "第 {page} 页"}, "page"),
        ({"page": "第 {page} 页 / 共 {pages} 页 {house}"}, "page"),
        ({"page": "第 {page.__class__} 页 / 共 {pages} 页"}, "page"),
        ({"page": "第 {page 页 / 共 {pages} 页"}, "page"),
        ({"contents": "目录 {}"}, "contents"),
    ],
)
def test_a_label_that_is_missing_unknown_or_filled_in_otherwise_is_refused(tmp_path, changes, key):
    with pytest.raises(DataError) as caught:
        load_labels("de", written(tmp_path, "de", **changes))
    assert caught.value.file == "labels/de.yaml"
    assert key in str(caught.value)


def test_a_label_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "de.yaml"
    path.write_text("contents: [a, b]\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"labels/de\.yaml"):
        load_labels("de", tmp_path)


@pytest.mark.parametrize("language", ["tlh", "../en", ""])
def test_an_unknown_language_is_refused_with_those_there_are(tmp_path, language):
    with pytest.raises(DataError, match=r"en, zh-CN"):
        load_labels(language, tmp_path)


def test_a_house_may_word_labels_its_own_way_beside_its_house_file(tmp_path):
    assert load_labels("zh-CN", written(tmp_path, "zh-CN", contents="内容"))["contents"] == "内容"


def test_no_label_is_kept_that_nothing_prints():
    sources = [*PACKAGE.glob("**/*.py"), *PACKAGE.glob("*/templates/*.*")]
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    words = set(re.findall(r"[\"'.]([\w.]+)\b", code))
    # Labels of code words are looked up by group and word, those of an issue by their revision.
    groups = set(re.findall(r'"([a-z_.]+)"', code)) | set(re.findall(r'f"([a-z_.]+)\.\{', code))
    unused = {
        key
        for key in standard_labels().root
        if key not in words
        and key.rpartition(".")[0] not in groups
        and key.removesuffix("_revised") not in words
        and key.removeprefix("site.") not in words
    }
    assert unused == set()


@pytest.mark.parametrize(
    "path", [one for one in FRAMES if one.name not in SENTENCES], ids=lambda path: path.name
)
def test_no_fixed_word_stands_in_the_code_of_a_form_or_of_the_site(path):
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        tree = ast.parse(text)
        places = [
            one
            for one in ast.walk(tree)
            if isinstance(one, ast.Module | ast.ClassDef | ast.FunctionDef)
        ]
        notes = {
            id(part.value) for one in places for part in one.body if isinstance(part, ast.Expr)
        }
        texts = [
            one.value
            for one in ast.walk(tree)
            if isinstance(one, ast.Constant) and isinstance(one.value, str) and id(one) not in notes
        ]
    else:
        texts = [text]
    assert [one for one in texts if CHINESE.search(WORDS_OF_NUMBERS.sub("", one))] == []


# --- A report in English


def test_an_english_issue_has_the_same_exhibits_and_sentences_as_the_chinese_one(english, chinese):
    def sentences(document):
        for section in document.sections:
            for block in section.blocks:
                if isinstance(block, Paragraph) and section.id != "disclosures":
                    yield document.text(block.line)
                if isinstance(block, Bullets):
                    yield from map(document.text, block.items)

    assert len(list(english.exhibits())) == len(list(chinese.exhibits())) > 30
    assert list(sentences(english)) == list(sentences(chinese))
    points = english.front_page.key_points
    assert points.labels == ("Topic", "Market", "Sectors", "News", "Risks")
    assert list(map(english.text, points.items)) == [
        chinese.text(item) for item in chinese.front_page.key_points.items
    ]


def test_columns_legends_headings_and_table_titles_of_an_english_issue_are_english(english):
    sectors = {section.title for section in english.sections if section.id.startswith("sector-")}
    for section in english.sections:
        if section.title not in sectors and section.id != "topic":
            assert not CHINESE.search(section.title)
    house_tables = [one for one in english.exhibits() if isinstance(one, Table)]
    for table in (english.front_page.sectors, *house_tables):
        assert not CHINESE.search(table.title)
        assert not any(CHINESE.search(column.label) for column in table.columns)
        assert table.source.startswith("Source: ")
    for figure in english.figures():
        own = not figure.id.startswith("topic-")
        for series in figure.chart.series if own else ():
            assert series.name in sectors or not CHINESE.search(series.name)
        assert not own or figure.source.startswith("Source: ")


def test_every_form_of_an_english_issue_is_proofread_clean(english, english_forms, sample_issue):
    forms = {path.name: read_form(path, english.labels) for path in sorted(english_forms.iterdir())}
    known = Known.of(
        by_number(ISSUE),
        sample_issue.table(tables.COMPANY_UNIVERSE, ISSUE),
        sample_issue.table(tables.COMPANY_METRICS, ISSUE),
        load_reference(PACKAGE / "reference").indices,
    )
    assert list(form_findings(english, forms)) == []
    assert [one for one in text_findings(english, known, forms) if not one.is_analysts] == []
    assert len(forms["report.pdf"].contents) > 35


def test_a_wrong_number_is_found_in_an_english_issue_too(english, english_forms):
    name = "sector_metrics/机械设备/pe_ttm_median"
    changed = english.facts[name].model_copy(update={"text": "51.0"})
    other = english.model_copy(update={"facts": english.facts | {name: changed}})
    for form in ("report.pdf", "report.docx", "report.xlsx", "report.html"):
        read = read_form(english_forms / form, english.labels)
        found = [one for one in form_findings(other, {form: read}) if one.rule == "number_differs"]
        assert {(one.found, one.expected[:4]) for one in found} >= {("50.0", "51.0")}


@pytest.mark.parametrize("sheet", ["Contents", "Front table", "Exhibit 01", "Companies", "Facts"])
def test_sheets_of_an_english_workbook_have_english_names(english_forms, sheet):
    import openpyxl

    book = openpyxl.load_workbook(english_forms / "report.xlsx", read_only=True)
    assert sheet in book.sheetnames
    book.close()


def test_places_of_the_standard_labels_are_plain_names():
    for label in standard_labels().root.values():
        for _, name, _, _ in Formatter().parse(label):
            assert name is None or name.isidentifier()
    assert load_house().language == STANDARD


def test_a_latin_word_stands_apart_from_a_chinese_one():
    labels = standard_labels()
    assert labels.fill("of_last_week", label="PE TTM 中值") == "上周 PE TTM 中值"
    assert labels.fill("of_last_week", label="总市值") == "上周总市值"
    assert labels.fill("section.topic_titled", title="AI 与算力") == "本周专题：AI 与算力"
