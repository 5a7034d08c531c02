"""Which announcements an issue prints."""

from datetime import date

import pandas as pd

from bj_pipeline.report.picks import Pick
from bj_pipeline.report.sections.announcements import LISTED, selected

COMPANIES = pd.DataFrame({"code": ["920493.BJ", "920060.BJ"], "name": ["并行科技", "万源通"]})
DAY = date(2026, 2, 26)


def raw(*rows):
    columns = ["code", "date", "title", "name", "category"]
    return pd.DataFrame([(code, DAY, *rest) for code, *rest in rows], columns=columns)


def test_picks_of_the_analyst_replace_the_vendors_list():
    picks = [Pick(DAY, "920493.BJ", "并行科技", "合同", "签订算力服务合同")]
    found = selected(raw(("920060.BJ", "公告", "万源通", "其他")), picks, COMPANIES, are_known=True)
    assert list(found.rows["title"]) == ["签订算力服务合同"]
    assert found.are_picked


def test_an_empty_list_of_picks_means_none():
    found = selected(raw(("920060.BJ", "公告", "万源通", "其他")), [], COMPANIES, are_known=True)
    assert found.rows.empty
    assert found.are_known


def test_picks_are_known_even_where_no_vendor_gave_a_list():
    assert selected(raw(), [], COMPANIES, are_known=False).are_known
    assert not selected(raw(), None, COMPANIES, are_known=False).are_known


def test_without_picks_only_covered_companies_are_listed_under_their_curated_names():
    found = selected(
        raw(("600000.SH", "别处的公告", "浦发", None), ("920060.BJ", "公告", "XD万源通", None)),
        None,
        COMPANIES,
        are_known=True,
    )
    assert found.rows[["name", "category", "title"]].to_numpy().tolist() == [
        ["万源通", "其他", "公告"]
    ]


def test_a_week_of_hundreds_is_cut_and_says_so():
    many = raw(*(("920060.BJ", f"公告{n:03d}", "万源通", "其他") for n in range(300)))
    found = selected(many, None, COMPANIES, are_known=True)
    assert len(found.rows) == LISTED
    assert found.has_more
