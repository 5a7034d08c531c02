"""LibreOffice as a second reader of the Office files, with the report's font and nothing else.

What belongs here: from a file's bytes to the PDF that LibreOffice makes of it. Tests that need it
are skipped, with the reason, where ``soffice`` is absent.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from bj_pipeline.report import fonts

needs_libreoffice = pytest.mark.skipif(
    shutil.which("soffice") is None, reason="LibreOffice (soffice) is not installed"
)

_FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{fonts}</dir><cachedir>{cache}</cachedir></fontconfig>"""


def to_pdf(content: bytes, name: str, folder: Path) -> bytes:
    """The PDF of an Office file.

    Args:
        content: The file.
        name: Its name, which says of what kind it is.
        folder: An empty folder to work in.
    """
    (folder / name).write_bytes(content)
    config = folder / "fonts.conf"
    config.write_text(_FONTS.format(fonts=fonts.font_file().parent, cache=folder / "cache"))
    subprocess.run(
        [
            "soffice",
            f"-env:UserInstallation={(folder / 'profile').as_uri()}",
            "--headless",
            "--convert-to",
            "pdf",
            "--outdir",
            str(folder),
            str(folder / name),
        ],
        check=True,
        capture_output=True,
        timeout=180,
        env=os.environ | {"FONTCONFIG_FILE": str(config), "HOME": str(folder)},
    )
    return (folder / name).with_suffix(".pdf").read_bytes()
