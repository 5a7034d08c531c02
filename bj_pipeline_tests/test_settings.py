"""Settings that would do harm later are refused at the start, by name and with what to do."""

import os
import re

import pytest

from bj_pipeline.automation.home import dagster_environment
from bj_pipeline.errors import ConfigurationError
from bj_pipeline.settings import Settings, load_settings

REFUSED = {
    "BJ_DATABASE_URL": ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:"],
    "BJ_PE_TTM_VENDORS": ["wnid", "iFinD,wind", ",,", "wind,", "wind,wind", "spreadsheet"],
    "BJ_AI_CHAIN_PE_TTM_VENDORS": ["wind;ifind", "../wind"],
    "BJ_HOME": [
        os.fsdecode(b"/tmp/\xca\xfd\xbe\xdd"), " ", "/srv/home\r", "/srv/\u202eemoh", "s3://bucket/home",
        "https://a.example/home",
    ],
    "BJ_INPUT": [os.fsdecode(b"/tmp/\xff"), "~nobody-of-this-name/input"],
    "BJ_CONTENT": ["/srv/content "],
    "BJ_TUSHARE_TOKEN": ["token\r"],
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


def test_a_setting_that_is_set_to_nothing_is_not_set(monkeypatch):
    given = [name for name in os.environ if name.startswith("BJ_")]
    for name in given:
        monkeypatch.delenv(name)
    unset = load_settings()
    for name in Settings.model_fields:
        monkeypatch.setenv(f"BJ_{name.upper()}", "")
    assert load_settings() == unset


@pytest.mark.parametrize("name", ["home", "input", "reference", "content", "artifacts", "source"])
def test_a_folder_may_begin_at_the_users_home(monkeypatch, tmp_path, name):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(f"BJ_{name.upper()}", "~/a/b.yaml")
    assert str(getattr(load_settings(), name)) == str(tmp_path / "a/b.yaml")
