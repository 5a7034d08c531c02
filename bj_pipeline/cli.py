"""The command line, ``bj-pipeline``; its commands stand in :mod:`bj_pipeline.commands`."""

import io
import os
import sys
from typing import Any

import click

from bj_pipeline.characters import escaped
from bj_pipeline.commands import building, data, operating, publishing
from bj_pipeline.errors import PipelineError

_STOPPED = 130
"""As shells say it of a program that Ctrl+C has stopped."""


class _Commands(click.Group):
    """Turns the pipeline's errors into one message and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        _let_messages_be_printed()
        try:
            return super().invoke(ctx)
        except PipelineError as error:
            _tell(str(error))
            ctx.exit(error.exit_code)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            click.echo("Stopped. Nothing has to be cleaned up: start the same again.", err=True)
            ctx.exit(_STOPPED)
        except Exception as error:
            if os.environ.get("BJ_TRACEBACK"):
                raise
            from bj_pipeline.outages import meaning  # noqa: PLC0415 - imports SQLAlchemy

            if outage := meaning(error):
                _tell(str(outage))
                ctx.exit(outage.exit_code)
            first = str(error).strip().partition("\n")[0]
            _tell(f"{type(error).__name__}: {first}")
            click.echo("BJ_TRACEBACK=1 shows where it happened.", err=True)
            ctx.exit(1)


def _tell(error: str) -> None:
    """Print an error; what it quotes must not turn the terminal's lines."""
    click.secho(f"Error: {escaped(error)}", fg="red", err=True)


def _let_messages_be_printed() -> None:
    """Show characters that the terminal's encoding lacks as escapes, rather than fail on them."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


@click.group(cls=_Commands)
@click.version_option(package_name="bj-pipeline")
def main() -> None:
    """The weekly report on the Beijing Stock Exchange, from vendor data to the finished PDF.

    Settings come from the environment (BJ_HOME, BJ_SOURCE, BJ_INPUT, …). Exit codes: 0 done,
    1 failed, 2 wrong settings or arguments, 3 the week has not closed, 4 data not in the
    warehouse, 5 stopped by a check, 6 bad input, 7 a vendor cannot be reached, 8 a vendor does not
    have the data yet, 9 the database is of another version, 10 the sign-off does not fit, 11 the
    disk, the database or an object store does not do its part, 130 stopped with Ctrl+C.
    """


for command in (
    building.run,
    building.backfill,
    building.issues,
    data.show,
    data.landing,
    data.inbox,
    data.new_topic,
    data.ai_chain,
    publishing.approve,
    publishing.withdraw,
    publishing.diff,
    publishing.site,
    operating.dev,
    operating.worker,
    operating.doctor,
    operating.alert_group,
    operating.migrate,
    operating.transfer,
    operating.backup,
    operating.restore,
    operating.retention,
    operating.disk,
):
    main.add_command(command)
