"""A home for tests of automation: settings from the environment, and files in its inbox."""

import os
import shutil
from pathlib import Path

from bj_pipeline.issues import by_number
from bj_pipeline.settings import PACKAGE, Settings
from bj_pipeline.sources.sample import SampleSource
from bj_pipeline.warehouse import tables


def settled(tmp_path: Path, monkeypatch) -> Settings:
    """Settings of a home of its own, with editable curated data whose pool is the sample's."""
    reference, content = tmp_path / "reference", tmp_path / "content"
    shutil.copytree(PACKAGE / "reference", reference)
    shutil.copytree(PACKAGE / "content", content)
    shutil.copy(SampleSource.pool_file, reference / "pool.csv")
    monkeypatch.setenv("BJ_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BJ_REFERENCE", str(reference))
    monkeypatch.setenv("BJ_CONTENT", str(content))
    for name in ("BJ_SOURCE", "BJ_INPUT", "BJ_DATABASE_URL", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    return Settings()


def quotes(number: int, *, scale: float = 1.0) -> str:
    """A week of the sample's closes, written as Tushare's ``daily``."""
    sent = SampleSource().deliver(by_number(number), tables.RAW_QUOTES)[0].content.decode()
    rows = [line.split(",") for line in sent.splitlines()]
    keep = [rows[0].index(name) for name in ("code", "date", "close", "volume")]
    lines = ["ts_code,trade_date,close,vol"]
    for row in rows[1:]:
        code, day, close, volume = (row[position] for position in keep)
        lots = f"{float(volume) / 100:.2f}"
        lines.append(f"{code},{day.replace('-', '')},{float(close) * scale:.2f},{lots}")
    return "\n".join(lines) + "\n"


LISTINGS = "ts_code,name,list_date\n920493.BJ,并行科技,20231101\n"


def drop(settings: Settings, name: str, content: str | bytes, changed: int = 1_700_000_000) -> Path:
    """Put a file into the inbox, with a time of change that does not depend on the clock."""
    settings.inbox.mkdir(parents=True, exist_ok=True)
    path = settings.inbox / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    os.utime(path, (changed, changed))
    return path


def edit(path: Path, old: str, new: str, changed: int = 1_700_000_000) -> None:
    """Replace a text in a file, and set its time of change."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    os.utime(path, (changed, changed))
