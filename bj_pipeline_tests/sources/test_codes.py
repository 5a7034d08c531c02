import csv

import pytest

from bj_pipeline.sources import codes
from bj_pipeline.sources.codes import normalise
from bj_pipeline_tests.sources.vendor_files import MARKET, needs_market


@pytest.mark.parametrize(
    "written",
    [
        "920493.BJ",
        "920493.bj",
        "BJ920493",
        "bj.920493",
        "920493",
        920493,
        920493.0,
        "920493.0",
        " 920493.BJ ",
        '="920493"',
        "'920493",
        "920493.XBSE",
    ],
)
def test_a_code_is_understood_however_a_vendor_writes_it(written):
    assert normalise(written).text == "920493.BJ"


def test_an_old_code_becomes_its_successor_and_stays_known_as_the_vendor_wrote_it():
    assert normalise("430017.BJ") == codes.Code("920017.BJ", "430017.BJ")
    assert normalise(832000).text == "920000.BJ"


def test_codes_that_do_not_keep_their_last_digits_are_looked_up():
    moved = {old: new for old, new in codes.mapping().items() if old[-3:] != new[-3:]}
    assert len(moved) == 26
    assert all(normalise(old).text == f"{new}.BJ" for old, new in moved.items())


def test_all_248_pairs_lead_to_different_companies():
    assert len(codes.mapping()) == len({normalise(old).text for old in codes.mapping()}) == 248


def test_an_old_code_without_successor_stays_as_it_is():
    code = normalise("839999")
    assert "839999" not in codes.mapping()
    assert (code.text, code.is_company) == ("839999.BJ", True)


@pytest.mark.parametrize(
    ("written", "text", "is_index", "is_company"),
    [
        ("000688.SH", "000688.SH", True, False),
        ("sh000688", "000688.SH", True, False),
        ("000688.SZ", "000688.SZ", False, False),
        ("000688", "000688.SZ", False, False),
        ("bj899050", "899050.BJ", True, False),
        ("899050", "899050.BJ", True, False),
        ("399006.SZ", "399006.SZ", True, False),
        ("csi931151", "931151.CSI", True, False),
        ("600000", "600000.SH", False, False),
        ("300750", "300750.SZ", False, False),
        ("400001", "400001.NQ", False, False),
        ("920493", "920493.BJ", False, True),
        ("929001.BJ", "929001.BJ", False, True),
    ],
)
def test_indices_and_other_exchanges_are_told_apart(written, text, is_index, is_company):
    code = normalise(written)
    assert (code.text, code.is_index, code.is_company) == (text, is_index, is_company)


def test_a_bare_code_that_may_be_an_index_or_a_company_is_refused_for_an_index():
    with pytest.raises(ValueError, match="names its exchange"):
        normalise("000688", index=True)
    assert normalise("899050", index=True).text == "899050.BJ"


@pytest.mark.parametrize(
    "written",
    [
        "",
        "92049",
        "9204930",
        "920493.XX",
        "BJ920493.SH",
        "科达自控",
        "920493BJ",
        float("nan"),
        float("inf"),
        920493.5,
        -920493,
        True,
        None,
    ],
)
def test_what_is_no_code_is_refused(written):
    with pytest.raises(ValueError, match=r"a code|exchange"):
        normalise(written)


@needs_market
def test_every_old_code_of_a_week_before_the_switch_has_a_successor_among_the_closes_after_it():
    with (MARKET / "issue_046" / "daily.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    old = {normalise(row["ts_code"]).text for row in rows if row["trade_date"] == "20250930"}
    new = {normalise(row["ts_code"]).text for row in rows if row["trade_date"] == "20251010"}
    assert len(old) == 276
    assert old <= new
