"""What the command line says of a folder's files while it builds an issue."""

import pytest

from bj_pipeline.automation.local import Runner
from bj_pipeline.errors import DataError
from bj_pipeline.settings import Settings


def test_a_file_that_stops_the_run_is_told_once_and_what_is_not_used_too(
    tmp_path, monkeypatch, capsys
):
    (tmp_path / "damaged.xlsx").write_bytes(b"PK\3\4")
    (tmp_path / ".hidden").touch()
    runner = Runner(Settings(home=tmp_path / "home"), "files", tmp_path)

    def stopped(*_arguments: object) -> None:
        raise DataError(
            "damaged.xlsx",
            "the workbook can be read",
            "Export or save the file again.",
            found="File is not a zip file",
        )

    monkeypatch.setattr(runner, "_run", stopped)
    with pytest.raises(DataError):
        runner.build(65)
    told = capsys.readouterr().err
    assert ".hidden" in told
    assert "damaged.xlsx" not in told
