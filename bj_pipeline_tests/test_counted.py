"""Numbers of things in messages."""

import pytest

from bj_pipeline.counted import counted


@pytest.mark.parametrize(
    ("number", "words", "told"),
    [
        (0, ("issue",), "0 issues"),
        (1, ("issue",), "1 issue"),
        (2, ("company", "companies"), "2 companies"),
        (1, ("company", "companies"), "1 company"),
        (1234, ("row",), "1,234 rows"),
    ],
)
def test_one_thing_is_not_told_as_several(number, words, told):
    assert counted(number, *words) == told
