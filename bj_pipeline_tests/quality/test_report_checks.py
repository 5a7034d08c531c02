"""The document and the finished files: a wrong number, glyph or missing figure is found."""

import shutil
from dataclasses import replace

import pytest

from bj_pipeline.quality import report
from bj_pipeline.quality.asset_checks import stored_results
from bj_pipeline.report import pdf
from bj_pipeline.report.document import Document, Words
from bj_pipeline.report.proofreading import FORMS
from bj_pipeline.warehouse import tables
from bj_pipeline_tests.quality.built_issue import cells, failures, result

SECTOR = "机械设备"
SLIP = "finished_files_hold_no_slip"
MEDIAN = f"sector_metrics/{SECTOR}/pe_ttm_median"


def _both(issue):
    """Failures of the report and of its proofreading."""
    return failures(issue, "report") | failures(issue, "proofreading")


def only(issue, name):
    found = _both(issue)
    assert set(found) == {name}, {one: outcome.broken for one, outcome in found.items()}
    return found[name]


def with_notice(issue, text, **kind):
    notice = (Words(text=text, **kind),)
    return issue.with_document(notices=(*issue.document.notices, notice))


def reprinted(issue, fact, text):
    """The issue with a document in which one fact is printed otherwise."""
    facts = issue.document.facts
    return issue.with_document(facts=facts | {fact: facts[fact].model_copy(update={"text": text})})


def test_a_healthy_issue_passes_every_report_check(issue_65):
    assert _both(issue_65) == {}


def test_most_facts_are_compared_with_the_cell_that_they_name(issue_65):
    metrics = {name: report._rows(issue_65, name) for name in report._METRICS}
    facts = issue_65.document.facts.values()
    tied = [one for one in facts if one.column in metrics.get(one.table, {}).get(one.row, {})]
    assert len(tied) > 300


def test_a_number_typed_into_the_wording_is_named(issue_65):
    outcome = result(with_notice(issue_65, "本期共 153 家公司"), report.every_number_is_a_fact)
    assert outcome.rows[["place", "number"]].to_numpy().tolist() == [["notices", "153"]]
    assert outcome.check.blocks


def test_a_number_in_a_name_is_no_number_of_the_house(issue_65):
    issue = with_notice(issue_65, "北证50", name=True)
    assert result(issue, report.every_number_is_a_fact).passed


def test_a_number_in_a_title_that_is_no_fact_is_named(issue_65):
    def retitle(block):
        return (
            block.model_copy(update={"title": "涨幅 98.76% 的公司"})
            if block.kind == "table"
            else block
        )

    sections = tuple(
        section.model_copy(update={"blocks": tuple(retitle(block) for block in section.blocks)})
        for section in issue_65.document.sections
    )
    outcome = result(issue_65.with_document(sections=sections), report.every_number_is_a_fact)
    assert set(outcome.rows["number"]) == {"98.76"}


@pytest.mark.parametrize(
    ("table", "change", "fact"),
    [
        (tables.SECTOR_METRICS, cells("pe_ttm_median", 51.0, sector=SECTOR), MEDIAN),
        (
            tables.MARKET_METRICS,
            cells("value", 0.5, metric="median_change"),
            "market_metrics/median_change",
        ),
    ],
)
def test_a_document_that_is_older_than_its_metrics_is_found(issue_65, table, change, fact):
    outcome = only(issue_65.plant(table, change), "every_number_is_a_fact")
    assert any(number.startswith(fact) for number in outcome.rows["number"])
    assert set(outcome.rows["place"].str.partition(":")[0]) == {table}


def test_a_fact_whose_origin_is_not_stored_is_named(issue_65):
    issue = issue_65.plant(tables.FACTS, lambda frame: frame[frame["fact"] != MEDIAN])
    assert set(only(issue, "every_number_is_a_fact").rows["number"]) == {MEDIAN}


def test_a_chart_label_that_is_not_its_fact_is_named(issue_65):
    row = issue_65.document.front_page.overview
    overview = row.figures[0]
    series = overview.chart.series[0]
    wrong = series.model_copy(update={"labels": ("98.76", *series.labels[1:])})
    chart = overview.chart.model_copy(update={"series": (wrong, *overview.chart.series[1:])})
    page = issue_65.document.front_page.model_copy(
        update={
            "overview": row.model_copy(
                update={"figures": (overview.model_copy(update={"chart": chart}), *row.figures[1:])}
            )
        }
    )
    outcome = result(issue_65.with_document(front_page=page), report.every_number_is_a_fact)
    assert set(outcome.rows["number"]) == {"98.76"}
    assert set(outcome.rows["place"]) == {overview.title}


def test_a_character_without_glyph_is_named_with_its_place(issue_65):
    outcome = result(with_notice(issue_65, "某公司𓀀更名"), report.every_glyph_is_in_the_font)
    (row,) = outcome.rows.to_dict("records")
    assert (row["character"], row["code_point"], row["text"]) == ("𓀀", "U+13000", "某公司𓀀更名")
    told = stored_results([outcome], issue_65).iloc[0]["summary"]
    assert "code_point=U+13000, text=某公司𓀀更名" in told


def test_a_character_without_glyph_in_the_houses_words_is_found(issue_65):
    house = issue_65.document.house.model_copy(update={"risks": ("風險𓀀",)})
    outcome = only(issue_65.with_document(house=house), "every_glyph_is_in_the_font")
    assert list(outcome.rows["character"]) == ["𓀀"]


def test_files_that_print_another_figure_than_the_document_are_found(issue_65):
    fact = "ai_chain_metrics/920075.BJ/revenue"
    found = _both(reprinted(issue_65, fact, "98.76"))
    rows = found[SLIP].rows
    assert set(rows.loc[rows["expected"].str.startswith("98.76"), "form"]) == set(FORMS)


@pytest.fixture
def own_files(issue_65, tmp_path):
    """The issue with finished files that a test may change."""
    shutil.copytree(issue_65.artifacts, tmp_path / "artifacts")
    return replace(issue_65, artifacts=tmp_path / "artifacts")


def test_a_pdf_that_lacks_a_figure_is_found(issue_65, own_files):
    changed = reprinted(issue_65, MEDIAN, "98.76").document
    figures = issue_65.table(tables.REPORT_FIGURES)
    drawn = {
        name: svg.encode() for name, svg in zip(figures["figure"], figures["svg"], strict=True)
    }
    own_files.artifact("report.pdf").write_bytes(pdf.render(changed, drawn))
    outcome = only(own_files, SLIP)
    assert outcome.check.blocks
    assert set(outcome.rows["form"]) == {"report.pdf"}
    assert set(outcome.rows["found"]) == {"98.76"}
    assert set(outcome.rows["expected"]) == {"50.0"}
    assert set(outcome.rows["page"]) == {"1", "6", "7"}


def test_a_page_that_lacks_a_figure_is_found(own_files):
    page = own_files.artifact("report.html")
    page.write_text(page.read_text(encoding="utf-8").replace("+13.48", ""), encoding="utf-8")
    outcome = only(own_files, SLIP)
    assert set(outcome.rows["form"]) == {"report.html"}
    assert outcome.rows["slip"].str.contains("+13.48", regex=False).all()


def test_a_stored_slip_tells_file_page_sentence_and_expected_value(own_files, issue_65):
    document = reprinted(issue_65, MEDIAN, "43.0").document
    outcome = result(own_files.with_whole_document(document), report.finished_files_hold_no_slip)
    told = stored_results([outcome], own_files).iloc[0]["summary"]
    for part in ("report.pdf, page 1: number_differs: ", "44.0X", "'50.0'", "expected '43.0'"):
        assert part in told


def test_a_growth_rate_of_the_analyst_that_does_not_follow_warns_and_tells_the_right_one(issue_65):
    text = issue_65.document.model_dump_json()
    wrong = Document.model_validate_json(text.replace("前者增长 25.2%", "前者增长 26.2%"))
    outcome = result(
        issue_65.with_whole_document(wrong), report.analysts_numbers_follow_from_the_figures
    )
    assert not outcome.check.blocks
    (row,) = outcome.rows.to_dict("records")
    assert (row["rule"], row["found"]) == ("growth_does_not_follow", "26.2%")
    assert row["expected"] == "增长 25.2%（5.16 ÷ 4.12 − 1）"


@pytest.mark.parametrize("name", FORMS)
def test_a_file_that_is_not_there_fails_its_check(own_files, name):
    own_files.artifact(name).unlink()
    outcome = result(own_files, report.finished_files_hold_no_slip)
    assert "cannot be evaluated" in outcome.broken[0]
    assert outcome.check.blocks


@pytest.mark.parametrize("name", FORMS)
def test_a_broken_file_fails_its_check(own_files, name):
    own_files.artifact(name).write_bytes(b"%PDF-1.7 cut")
    assert not result(own_files, report.finished_files_hold_no_slip).passed


def test_a_document_without_figures_is_not_taken_for_complete(issue_65):
    empty = issue_65.document.model_copy(
        update={
            "sections": (),
            "front_page": issue_65.document.front_page.model_copy(
                update={
                    "key_points": issue_65.document.front_page.key_points.model_copy(
                        update={"items": ()}
                    ),
                    "sectors": issue_65.document.front_page.sectors.model_copy(update={"rows": ()}),
                }
            ),
            "notices": (),
        }
    )
    found = _both(issue_65.with_whole_document(empty))
    rows = found[SLIP].rows
    assert set(rows.loc[rows["slip"] == "no table was found", "form"]) == set(FORMS)
