"""How commands print a frame."""

import codecs
import re
import sys
from datetime import date
from typing import Any

import click

from bj_pipeline.counted import counted
from bj_pipeline.errors import ConfigurationError

TABLE_LIMIT = 60
_FORMULA = re.compile(r"[=+\-@\t\r](?![\d.,~%+\-]*$)")


def print_frame(frame: Any, form: str, limit: int | None) -> None:
    """Print a frame for people (``table``, cut at ``limit`` rows) or for scripts, complete.

    Args:
        frame: A pandas frame.
        form: ``table``, ``csv`` or ``json``.
        limit: Rows of a table at most; None for all.
    """
    if form == "csv":
        texts = frame.map(lambda value: _as_text(value) if isinstance(value, str) else value)
        _print_whole(texts.to_csv(index=False, lineterminator="\n"))
    elif form == "json":
        plain = frame.map(lambda value: value.isoformat() if isinstance(value, date) else value)
        text = plain.to_json(orient="records", force_ascii=False, double_precision=15, indent=1)
        _print_whole(f"{text}\n")
    else:
        from tabulate import tabulate  # noqa: PLC0415

        shown = frame if limit is None else frame.head(limit)
        plain = shown.astype(object).where(shown.notna(), "")
        click.echo(tabulate(plain, headers="keys", showindex=False, floatfmt=".6g"))
        if len(shown) < len(frame):
            click.echo(
                f"… {counted(len(frame) - len(shown), 'more row')}; --format csv prints them all."
            )


def _print_whole(text: str) -> None:
    """Print for scripts: a character that cannot be printed is an error, not an escape.

    Raises:
        ConfigurationError: The output's encoding lacks a character.
    """
    try:
        encoding = str(getattr(sys.stdout, "encoding", "utf-8"))
        # Where Python believes the terminal to know ASCII alone, click writes UTF-8.
        if codecs.lookup(encoding).name != "ascii":
            text.encode(encoding)
    except UnicodeEncodeError as error:
        raise ConfigurationError(
            f"The output's encoding, {error.encoding}, has no {text[error.start]!a}: set "
            "PYTHONIOENCODING=utf-8, or a locale with UTF-8."
        ) from error
    click.echo(text, nl=False)


def _as_text(text: str) -> str:
    """The text with an apostrophe in front where a spreadsheet would compute it."""
    return f"'{text}" if _FORMULA.match(text) else text
