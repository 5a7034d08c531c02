"""How commands print a frame."""

from datetime import date
from typing import Any

import click

TABLE_LIMIT = 60


def print_frame(frame: Any, form: str, limit: int | None) -> None:
    """Print a frame for people (``table``, cut at ``limit`` rows) or for scripts, complete.

    Args:
        frame: A pandas frame.
        form: ``table``, ``csv`` or ``json``.
        limit: Rows of a table at most; None for all.
    """
    if form == "csv":
        click.echo(frame.to_csv(index=False, lineterminator="\n"), nl=False)
    elif form == "json":
        plain = frame.map(lambda value: value.isoformat() if isinstance(value, date) else value)
        text = plain.to_json(orient="records", force_ascii=False, double_precision=15, indent=1)
        click.echo(text)
    else:
        from tabulate import tabulate  # noqa: PLC0415

        shown = frame if limit is None else frame.head(limit)
        plain = shown.astype(object).where(shown.notna(), "")
        click.echo(tabulate(plain, headers="keys", showindex=False, floatfmt=".6g"))
        if len(shown) < len(frame):
            click.echo(f"… {len(frame) - len(shown)} more rows; --format csv prints them all.")
