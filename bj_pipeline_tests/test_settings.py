"""Settings that would do harm later are refused at the start, by name and with what to do."""

import os
import re

import pytest

from bj_pipeline.automation.home import dagster_environment
from bj_pipeline.errors import ConfigurationError
from bj_pipeline.settings import load_settings

REFUSED = {
    "BJ_DATABASE_URL": ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:"],
    "BJ_PE_TTM_VENDORS": ["wnid", "iFinD,wind", ",,", "wind,", "wind,wind", "spreadsheet"],
    "BJ_AI_CHAIN_PE_TTM_VENDORS": ["", "wind;ifind", "../wind"],
    "BJ_HOME": [os.fsdecode(b"/tmp/\xca\xfd\xbe\xdd")],
    "BJ_INPUT": [os.fsdecode(b"/tmp/\xff")],
    "BJ_ARTIFACTS": [os.fsdecode(b"/tmp/\xff")],
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, vs in REFUSED.items() for v in vs])
def test_a_value_that_would_do_harm_later_is_refused_by_name(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=f"^{name}[ :]") as told:
        load_settings()
    str(told.value).encode()


@pytest.mark.parametrize("value", ["wind", " tushare , akshare ", "sample"])
def test_vendors_are_taken_in_any_order_and_number(monkeypatch, value):
    monkeypatch.setenv("BJ_PE_TTM_VENDORS", value)
    assert load_settings().pe_ttm_vendors == tuple(value.replace(" ", "").split(","))


@pytest.mark.parametrize("home", [None, "home"])
def test_a_working_folder_that_is_gone_is_told(monkeypatch, tmp_path, home):
    monkeypatch.delenv("BJ_HOME", raising=False)
    if home:
        monkeypatch.setenv("BJ_HOME", home)
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ConfigurationError, match="working folder is gone"):
        load_settings()


def test_a_home_of_dagster_that_is_not_there_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("BJ_HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigurationError, match=re.escape(str(tmp_path / "nowhere"))):
        dagster_environment(load_settings())
