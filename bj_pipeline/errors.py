"""Errors addressed to the person who can act on them.

Every error that a user may meet is a :class:`PipelineError` and carries its own exit code for the
command line. What belongs here: types and their wording. What does not: the rules that raise them.
"""

from dataclasses import dataclass

from bj_pipeline.characters import shown


class PipelineError(Exception):
    """An error with a message for the person who can act; shown without a traceback."""

    exit_code = 1


class ConfigurationError(PipelineError):
    """A setting is missing or wrong."""

    exit_code = 2


class CalendarError(PipelineError):
    """A date or an issue number lies outside what the calendar knows."""

    exit_code = 2


class IssueNotClosedError(PipelineError):
    """The issue's week has not closed yet, so there is nothing to report."""

    exit_code = 3


class MissingDataError(PipelineError):
    """A table or an issue that was asked for is not in the warehouse."""

    exit_code = 4


class CheckFailedError(PipelineError):
    """A blocking check of this issue failed, or has not seen the present data."""

    exit_code = 5


@dataclass
class DataError(PipelineError):
    """Bad input: says which file, which row, which rule and what to do.

    Attributes:
        file: Name of the file as the user knows it.
        rule: What was expected.
        remedy: What to do about it.
        row: Line of the file (the header is line 1), or None if the whole file is meant.
        found: What stood there instead.
    """

    file: str
    rule: str
    remedy: str
    row: int | None = None
    found: str | None = None

    exit_code = 6

    def __post_init__(self) -> None:
        """What comes from a file or is its name must neither break nor turn the line around it."""
        self.file = shown(self.file)
        self.remedy = shown(self.remedy)
        self.found = None if self.found is None else shown(self.found)

    def __str__(self) -> str:
        """One line: file, row, rule, finding, remedy."""
        place = self.file if self.row is None else f"{self.file}, line {self.row}"
        found = "" if self.found is None else f", found {self.found}"
        return f"{place}: {self.rule}{found}. {self.remedy}"


class SourceError(PipelineError):
    """A vendor could not be reached, or answered with something that cannot be used."""

    exit_code = 7


class NotYetAvailableError(PipelineError):
    """The vendor has not published this yet: asking again later helps, asking at once does not."""

    exit_code = 8
