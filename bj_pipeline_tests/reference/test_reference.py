"""Curated data: what ships is valid, and what is wrong is named."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from bj_pipeline.errors import DataError
from bj_pipeline.reference import load_reference
from bj_pipeline.settings import PACKAGE

SHIPPED = PACKAGE / "reference"
DAY = date(2026, 2, 27)


@pytest.fixture
def folder(tmp_path) -> Path:
    for name in ("pool.csv", "ai_chain.csv", "indices.csv", "buckets.csv"):
        shutil.copy(SHIPPED / name, tmp_path / name)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_shipped_pool_holds_153_companies_in_five_sectors():
    pool = load_reference(SHIPPED).pool(DAY)
    counts = {}
    for row in pool:
        counts[row.sector] = counts.get(row.sector, 0) + 1
    assert counts == {"电子设备": 46, "机械设备": 41, "信息技术": 25, "汽车": 22, "新能源": 19}


def test_every_membership_says_whether_it_was_published():
    bases = {row.basis for row in load_reference(SHIPPED).memberships}
    assert bases == {"published", "proposed"}


def test_the_shipped_ai_chain_holds_28_companies_in_five_segments_four_outside_the_pool():
    reference = load_reference(SHIPPED)
    chain = reference.ai_chain(DAY)
    assert len(chain) == 28
    assert reference.segments == ("算力及数据服务", "算力基建", "AIPC", "AI应用", "AI电源")
    members = {row.code for row in reference.pool(DAY)}
    outside = {link.name for link in chain if link.code not in members}
    assert outside == {"海达尔", "柏星龙", "青矩技术", "芭薇股份"}


def test_a_company_that_left_is_no_member_from_that_day_on(folder):
    edit(
        folder / "pool.csv",
        "920001.BJ,纬达光电,电子设备,2024-11-25,,",
        "920001.BJ,纬达光电,电子设备,2024-11-25,2026-02-27,",
    )
    reference = load_reference(folder)
    assert "920001.BJ" in {row.code for row in reference.pool(date(2026, 2, 26))}
    assert "920001.BJ" not in {row.code for row in reference.pool(DAY)}


def test_a_company_changes_its_sector_by_ending_one_row_and_beginning_another(folder):
    row = "920001.BJ,纬达光电,电子设备,2024-11-25,,proposed"
    edit(
        folder / "pool.csv",
        row,
        "920001.BJ,纬达光电,电子设备,2024-11-25,2026-01-05,proposed\n"
        "920001.BJ,纬达光电,机械设备,2026-01-05,,proposed",
    )
    reference = load_reference(folder)
    sector = {
        day: {r.code: r.sector for r in reference.pool(day)}["920001.BJ"]
        for day in (date(2026, 1, 4), DAY)
    }
    assert sector == {date(2026, 1, 4): "电子设备", DAY: "机械设备"}


def test_bucket_edges_are_yuan_for_market_caps_and_closed_on_the_left():
    buckets = load_reference(SHIPPED).buckets("market_cap", DAY)
    assert [bucket.label for bucket in buckets] == ["0~5", "5~10", "10~20", "20~30", "30~50", ">50"]
    assert (buckets[1].low, buckets[1].high) == (5e8, 10e8)


def test_buckets_change_on_the_day_that_the_file_says(folder):
    with (folder / "buckets.csv").open("a", encoding="utf-8") as file:
        file.write("2026-01-01,pe_ttm,<0,,0\n2026-01-01,pe_ttm,≥0,0,\n")
    reference = load_reference(folder)
    assert len(reference.buckets("pe_ttm", date(2025, 12, 31))) == 6
    assert [bucket.label for bucket in reference.buckets("pe_ttm", DAY)] == ["<0", "≥0"]
    assert len(reference.buckets("market_cap", DAY)) == 6


@pytest.mark.parametrize(
    ("name", "old", "new", "rule"),
    [
        ("pool.csv", "code,name", "ticker,name", "the columns are code, name"),
        ("pool.csv", "920001.BJ,", "920001,", "code is six digits and an exchange"),
        ("pool.csv", "920001.BJ,纬达光电", "920001.BJ,", "name is filled"),
        (
            "pool.csv",
            ",电子设备,2024-11-25,,proposed",
            ",,2024-11-25,,proposed",
            "sector is filled",
        ),
        ("pool.csv", "2024-11-25", "25.11.2024", "joined is a date YYYY-MM-DD"),
        ("pool.csv", "2024-11-25,,", "2024-11-25,2024-11-25,", "left lies after"),
        ("pool.csv", "proposed", "guessed", "basis is one of published, proposed, sample"),
        ("pool.csv", "920006.BJ", "920001.BJ", "a company stands once at a time"),
        ("pool.csv", "920001.BJ,纬达光电,", "920001.BJ,纬达,光电,", "a row has 6 cells"),
        ("ai_chain.csv", "算力及数据服务", "", "segment is filled"),
        ("ai_chain.csv", "920924.BJ", "920493.BJ", "a company stands once at a time"),
        ("indices.csv", "000688.SH", "000688", "code is six digits and an exchange"),
        ("buckets.csv", "20~30,20,30", "20~30,20,x", "high is a number"),
        ("buckets.csv", "20~30,20,30", "20~30,21,30", "follow each other without gap"),
        ("buckets.csv", "20~30,20,30", "20~30,30,20", "low lies below high"),
        ("buckets.csv", "pe_ttm,<0", "pb,<0", "measure is one of pe_ttm, market_cap"),
    ],
)
def test_a_wrong_row_is_refused_with_file_line_and_rule(folder, name, old, new, rule):
    edit(folder / name, old, new)
    with pytest.raises(DataError, match=rule) as caught:
        load_reference(folder)
    assert caught.value.file == name
    assert caught.value.row is not None
    assert str(caught.value).startswith(f"{name}, line {caught.value.row}: ")


def test_a_missing_file_is_named(folder):
    (folder / "indices.csv").unlink()
    with pytest.raises(DataError, match=r"indices.csv: the file exists"):
        load_reference(folder)


def test_a_file_saved_in_another_encoding_is_refused(folder):
    path = folder / "pool.csv"
    path.write_bytes(path.read_text(encoding="utf-8").encode("gb18030"))
    with pytest.raises(DataError, match="the file is UTF-8"):
        load_reference(folder)


def test_a_file_with_a_byte_order_mark_is_read(folder):
    path = folder / "pool.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(load_reference(folder).pool(DAY)) == 153


def test_a_file_with_only_its_header_is_refused(folder):
    path = folder / "pool.csv"
    path.write_text(path.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    with pytest.raises(DataError, match="the file has rows"):
        load_reference(folder)
