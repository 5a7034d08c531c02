from pathlib import Path

import pytest
import yaml

from bj_pipeline.errors import ConfigurationError, DataError
from bj_pipeline.report.document import House
from bj_pipeline.report.house import HOUSE_FILE, load_house
from bj_pipeline.report.palette import contrast_on_white

HOUSE = """\
name: 甲研究所
series: 乙周刊
department: 丙组
authors: [丁组]
accent: "#112233"
up: "#C0392B"
down: "#1E8449"
palette: ["#D08A1D", "#4B9CA8", "#8E5C86", "#7C838D"]
risks:
  - 市场可能下跌。
disclosures:
  - 仅供参考。
"""


def load(folder: Path, text: str) -> House:
    path = folder / "house.yaml"
    path.write_text(text, encoding="utf-8")
    return load_house(path)


def test_the_house_that_ships_is_complete_and_plainly_an_example():
    house = load_house()
    assert "示例" in house.name
    assert house.series
    assert house.department
    assert house.authors == ()
    assert len(house.risks) >= 3
    assert len(house.disclosures) >= 3


def test_the_shipped_house_keeps_each_text_on_one_line_so_that_no_blank_slips_in():
    for text in (*load_house().risks, *load_house().disclosures):
        assert " " not in text


def test_every_key_of_the_house_is_in_the_file_that_ships():
    keys = yaml.safe_load(HOUSE_FILE.read_text(encoding="utf-8"))
    assert set(keys) | {"labels"} == set(House.model_fields)


def test_a_house_is_what_its_file_says(tmp_path):
    assert load(tmp_path, HOUSE) == House(
        name="甲研究所",
        series="乙周刊",
        department="丙组",
        authors=("丁组",),
        accent="#112233",
        up="#C0392B",
        down="#1E8449",
        palette=("#D08A1D", "#4B9CA8", "#8E5C86", "#7C838D"),
        risks=("市场可能下跌。",),
        disclosures=("仅供参考。",),
    )


def test_up_and_down_can_be_exchanged_for_readers_abroad(tmp_path):
    exchanged = HOUSE.replace('up: "#C0392B"\ndown: "#1E8449"', 'up: "#1E8449"\ndown: "#C0392B"')
    house = load(tmp_path, exchanged)
    assert (house.up, house.down) == ("#1E8449", "#C0392B")


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("name: 甲研究所\n", "", 1, "`name`"),
        ("name: 甲研究所", "name:", 1, "name"),
        ("name: 甲研究所", "name: '  '", 1, "name"),
        ("name: 甲研究所", "name: 2026", 1, "name"),
        ("series:", "serie:", 1, "`series`"),
        ("department: 丙组", "department: 丙组\ncolour: red", 4, "colour"),
        ("department: 丙组", "department: 丙组\nname: 戊", 4, "name"),
        ('"#112233"', '"red"', 5, "accent"),
        ('"#112233"', "#112233", 5, "accent"),
        ('"#112233"', '"#FFEE88"', 5, "readable on white"),
        ('accent: "#112233"\n', "", 1, "`accent`"),
        ('"#C0392B"', '"#1e8449"', None, "different colours"),
        ('"#4B9CA8"', '"#d08a1d"', None, "different colours"),
        ('"#4B9CA8"', '"teal"', 8, "palette, item 2"),
        (', "#7C838D"', "", 8, "palette"),
        ("risks:\n  - 市场可能下跌。", "risks: 市场可能下跌。", 9, "risks"),
        ("risks:\n  - 市场可能下跌。", "risks: []", 9, "risks"),
        ("  - 仅供参考。", "  - 提示: 仅供参考。", 11, "disclosures, item 1"),
        ("risks:", "risks: [", 10, "YAML"),
    ],
)
def test_a_wrong_key_is_named_with_its_line(tmp_path, old, new, line, said):
    assert old in HOUSE
    with pytest.raises(DataError) as caught:
        load(tmp_path, HOUSE.replace(old, new))
    assert caught.value.file == "house.yaml"
    assert said in str(caught.value)
    if line is not None:
        assert caught.value.row == line


def test_a_disclosure_may_be_as_long_as_lawyers_write_but_a_name_may_not(tmp_path):
    long = "声" * 4000
    assert load(tmp_path, HOUSE.replace("仅供参考。", long)).disclosures == (long,)
    for text in ("甲研究所", "仅供参考。"):
        with pytest.raises(DataError, match=r"(1000|5000) characters"):
            load(tmp_path, HOUSE.replace(text, "声" * 5001))


def test_a_file_that_is_no_mapping_is_refused(tmp_path):
    with pytest.raises(DataError, match="a line for each key"):
        load(tmp_path, "甲研究所\n")


def test_a_missing_house_file_says_what_it_is_for(tmp_path):
    with pytest.raises(ConfigurationError, match=r"house\.yaml does not exist"):
        load_house(tmp_path / "house.yaml")


def test_contrast_is_that_of_the_accessibility_guidelines():
    assert contrast_on_white("#000000") == pytest.approx(21)
    assert contrast_on_white("#FFFFFF") == pytest.approx(1)
    # The grey that the guidelines' own texts give as the lightest readable one.
    assert contrast_on_white("#767676") == pytest.approx(4.54, abs=0.01)
