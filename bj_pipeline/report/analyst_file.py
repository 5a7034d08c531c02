"""Files that an analyst writes for one issue: where they lie, and how one is opened.

What belongs here: what every such file must be, and errors that name its line. What does not: what
a file says (:mod:`.topic`, :mod:`.picks`).
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Self

from bj_pipeline.errors import DataError
from bj_pipeline.issues import Issue
from bj_pipeline.report.reading import LONGEST, read_text

ISSUES_FOLDER = Path(__file__).parents[1] / "content" / "issues"
UNFILLED = "〔待填〕"
"""Stands in a template wherever the analyst has to write; refused in a file of an issue."""
_FENCE = "---"


def folder_of(issue: Issue, issues: Path = ISSUES_FOLDER) -> Path:
    """Where an issue's topic and picks lie, such as ``content/issues/065``."""
    return issues / f"{issue.number:03d}"


@dataclass(frozen=True, slots=True)
class AnalystFile:
    """A file being read, for messages that name it."""

    path: Path
    name: str
    text: str

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read a file of the issue's own folder.

        Raises:
            DataError: A symbolic link, not UTF-8, or a template that was not filled in.
        """
        name = f"{path.parent.name}/{path.name}"
        if path.is_symlink():
            rule = "the file lies in the issue's folder and is not a link to another place"
            raise DataError(name, rule, "Copy the file itself into the folder.")
        file = cls(path, name, read_text(path, name))
        for number, line in enumerate(file.text.split("\n"), start=1):
            if UNFILLED in line:
                file.refuse(number, f"no {UNFILLED} is left", "Write your own text there.", line)
        return file

    def refuse(
        self, line: int | None, rule: str, remedy: str, found: str | None = None
    ) -> NoReturn:
        """Raise an error that names the file and the line."""
        raise DataError(self.name, rule, remedy, line, found)

    def split(self) -> tuple[str, list[str], int]:
        """The header between two lines ``---``, the lines below it, and the first one's number."""
        # A spreadsheet that saved the file pads lines with commas and quotes those that hold one.
        lines = self.text.split("\n")
        plain = [_unpadded(line) for line in lines]
        if plain[0] != _FENCE or _FENCE not in plain[1:]:
            rule = f"the file begins with a header between two lines {_FENCE}"
            self.refuse(1, rule, "See content/README.md for an example.", lines[0])
        end = plain.index(_FENCE, 1)
        return "\n".join(plain[1:end]), lines[end + 1 :], end + 2

    def rows(self, lines: Iterable[str], first_line: int) -> Iterator[tuple[int, list[str]]]:
        """Cells of each CSV row and the line on which it begins; blank rows are passed over."""
        if not self.text.endswith("\n"):
            rule = "the last line is ended, as every line of a whole file is"
            remedy = "Restore what is missing, and add a line break at the end."
            self.refuse(self.text.count("\n") + 1, rule, remedy, "an end within a line")
        reader = csv.reader((f"{line}\n" for line in lines), strict=True)
        begin = first_line
        try:
            for row in reader:
                cells = [cell.strip() for cell in row]
                if longest := next((cell for cell in cells if len(cell) > LONGEST), None):
                    rule = f"a cell has at most {LONGEST} characters"
                    self.refuse(begin, rule, "Shorten it.", longest)
                if any(cells):
                    yield begin, cells
                begin = first_line + reader.line_num
        except csv.Error as error:
            self.refuse(begin, "the row is CSV", "Correct the quotes.", str(error))


def _unpadded(line: str) -> str:
    line = next(csv.reader([line]), [""])[0] if line.startswith('"') else line
    return line.rstrip(", \t")
