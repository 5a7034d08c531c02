import io

import pytest
from fontTools.ttLib import TTFont

from bj_pipeline.errors import DataError
from bj_pipeline.report import fonts


def test_the_font_has_every_weight_from_regular_to_bold():
    with TTFont(fonts.font_file(), lazy=True) as font:
        (axis,) = font["fvar"].axes
    assert axis.axisTag == "wght"
    assert axis.minValue <= 400
    assert axis.maxValue >= 700


def test_digits_are_all_equally_wide_so_that_columns_align():
    with TTFont(fonts.font_file(), lazy=True) as font:
        glyphs, metrics = font.getBestCmap(), font["hmtx"]
        widths = {metrics[glyphs[ord(digit)]][0] for digit in "0123456789"}
    assert len(widths) == 1


def test_characters_without_a_glyph_are_found_in_order_and_once():
    assert fonts.missing_glyphs("北交所😀𠮷𠮷50▲▼") == ("😀", "𠮷")


def test_blanks_and_invisible_characters_need_no_glyph():
    assert fonts.missing_glyphs("a b\n\t\u2009\u200b\ufeff\u3000") == ()


def test_the_error_names_each_character_and_its_code():
    with pytest.raises(DataError) as refused:
        fonts.require_glyphs("云创😀", "issue 65")
    assert "😀 (U+1F600)" in str(refused.value)
    assert "issue 65" in str(refused.value)


def test_a_web_page_gets_its_characters_in_all_weights_and_no_others():
    font = TTFont(io.BytesIO(fonts.subset_woff("北交所 AIPC 65")))
    assert {chr(code) for code in font.getBestCmap()} == set("北交所 AIPC 65")
    assert font["fvar"].axes[0].maxValue >= 700
    assert font.flavor == "woff"


def test_the_same_characters_give_the_same_bytes_in_any_order():
    assert fonts.subset_woff("京北北国中") == fonts.subset_woff("中国北京")


def test_the_font_of_a_page_states_its_licence():
    names = TTFont(io.BytesIO(fonts.subset_woff("北京")))["name"]
    assert "SIL Open Font License" in names.getDebugName(13)


def test_a_subset_for_an_issue_is_small_enough_to_embed():
    han = "".join(chr(code) for code in range(0x4E00, 0x4E00 + 500))
    assert len(fonts.subset_woff(han)) < 400_000
