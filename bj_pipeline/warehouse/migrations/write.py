"""Writes the next revision from what ``tables.py`` says now; for developers only.

After changing ``bj_pipeline/warehouse/tables.py``::

    python -m bj_pipeline.warehouse.migrations.write "approvals know who asked"

writes ``versions/vNNNN_….py``; read it, add what it cannot know (values of new required columns in
old rows), and set ``HEAD`` in ``bj_pipeline/warehouse/migrate.py``. Until the first release, the
one initial revision is written again instead::

    python -m bj_pipeline.warehouse.migrations.write --initial

There is no way down: a backup is.
"""

import re
import subprocess
import sys
from pathlib import Path

import click
from alembic import command
from alembic.config import Config
from alembic.operations.ops import MigrationScript
from sqlalchemy import MetaData, create_engine

from bj_pipeline.warehouse import tables

FOLDER = Path(__file__).parent
_INITIAL = "Tables of the first release"


@click.command()
@click.argument("message", default="")
@click.option("--initial", is_flag=True, help="Write the one initial revision again.")
def main(message: str, *, initial: bool) -> None:
    """Write the next revision; MESSAGE says what changes."""
    if initial == bool(message):
        raise click.UsageError("Give a message, or --initial.")
    if initial:
        for path in _revisions():
            path.unlink()
    click.echo(f"Written: {write(_INITIAL if initial else message)}")


def write(message: str) -> Path:
    """Write the revision that leads from the existing ones to ``tables.py``; return its file."""
    number = f"{len(_revisions()) + 1:04}"
    slug = re.sub(r"\W+", "_", message.lower()).strip("_")[:40].strip("_")
    path = FOLDER / "versions" / f"v{number}_{slug}.py"
    with create_engine("sqlite://").begin() as connection:
        attributes = {"connection": connection, "metadata": _without_comments(tables.METADATA)}
        config = Config(attributes=attributes)
        config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
        config.set_main_option("file_template", path.stem.replace("%", "%%"))
        command.upgrade(config, "head")
        command.revision(
            config,
            message=message,
            autogenerate=True,
            rev_id=number,
            process_revision_directives=_refuse_nothing_new,
        )
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    own = [line for line in lines if not line.lstrip().startswith("# ###")]  # Alembic's remarks
    path.write_text("".join(own), encoding="utf-8")
    for arguments in (("format", "--quiet"), ("check", "--quiet", "--fix")):
        subprocess.run([sys.executable, "-m", "ruff", *arguments, path], check=True)  # noqa: S603
    return path


def _revisions() -> list[Path]:
    return sorted((FOLDER / "versions").glob("v*.py"))


def _without_comments(metadata: MetaData) -> MetaData:
    """The same tables; comments stand in ``tables.py``, and an upgrade copies them from there."""
    bare = MetaData()
    for table in metadata.sorted_tables:
        copy = table.to_metadata(bare)
        copy.comment = None
        for column in copy.columns:
            column.comment = None
    return bare


def _refuse_nothing_new(
    _context: object, _revision: object, scripts: list[MigrationScript]
) -> None:
    if all(script.upgrade_ops is None or script.upgrade_ops.is_empty() for script in scripts):
        raise click.ClickException("The revisions already lead to what tables.py says.")


if __name__ == "__main__":
    main()
