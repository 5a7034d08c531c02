"""Labels: the words that frame what the report says, in the language that the house chose.

What belongs here: reading a file of ``content/labels/``, and filling in a label. What does not: any
label (the files hold them all), and sentences about figures, which the sections write from facts.
Units belong to the numbers and are no labels.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from string import Formatter

from pydantic import ConfigDict, RootModel

from bj_pipeline.errors import DataError
from bj_pipeline.report.reading import LONGEST, read_text, read_yaml

FOLDER = Path(__file__).parents[1] / "content" / "labels"
STANDARD = "zh-CN"
"""The language whose file says which labels there are, and what is filled in where."""

_CHINESE, _LATIN = re.compile(r"[\u4e00-\u9fff]$"), re.compile(r"[A-Za-z]")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}")


class Labels(RootModel[dict[str, str]]):
    """Every label by its key; a key with a dot belongs to a code word of the warehouse."""

    model_config = ConfigDict(frozen=True)

    def __getitem__(self, key: str) -> str:
        return self.root[key]

    def fill(self, key: str, **values: object) -> str:
        """A label with its places filled in; a Latin word stands apart from a Chinese one."""
        filled = ""
        for words, place, _, _ in Formatter().parse(self.root[key]):
            filled += words
            if place is not None:
                value = str(values[place])
                filled += f" {value}" if _CHINESE.search(filled) and _LATIN.match(value) else value
        return filled

    def word(self, group: str, word: str) -> str:
        """The label of a code word such as ``suspended``; the word itself if it has none."""
        return self.root.get(f"{group}.{word}", word)

    def day(self, day: date) -> str:
        """A date as the front page prints it."""
        return self.fill("day", year=day.year, month=day.month, day=day.day)

    def span(self, first: date, last: date) -> str:
        """The days of a week as the front page prints them."""
        return self.fill("span", first=self.day(first), last=self.day(last))

    def with_unit(self, label: str, unit: str) -> str:
        """A column's or series' name with its unit, if it has one."""
        return self.fill("with_unit", label=label, unit=unit) if unit else label

    def exhibit(self, number: int | str) -> str:
        """``图表 3``."""
        return f"{self['exhibit']} {number}"

    def listed(self, words: Iterable[str]) -> str:
        """Words one after the other."""
        return self["separator"].join(words)


@cache
def standard_labels() -> Labels:
    """The labels that every house has unless it chose others."""
    return Labels(_read(FOLDER / f"{STANDARD}.yaml"))


def load_labels(language: str, folder: Path) -> Labels:
    """The labels of a language.

    Args:
        language: Its tag, such as ``zh-CN``.
        folder: Where the house keeps labels of its own; the package's are taken where it has none.

    Raises:
        DataError: There are none, or a label is missing, unknown, empty or filled in otherwise.
    """
    name = f"{language}.yaml"
    is_tag = _LANGUAGE.fullmatch(language)
    files = (one / name for one in (folder, FOLDER) if is_tag and (one / name).is_file())
    path = next(files, None)
    if path is None:
        known = sorted({one.stem for place in (folder, FOLDER) for one in place.glob("*.yaml")})
        raise DataError(
            "house.yaml",
            f"language is one of {', '.join(known)}",
            f"Choose one of them, or copy labels/{STANDARD}.yaml under the new name and "
            "translate it.",
            found=language,
        )
    labels, wanted = _read(path), standard_labels().root
    file = f"labels/{name}"
    if missing := [key for key in wanted if key not in labels]:
        rule = f"there is a label for every key of {STANDARD}.yaml"
        raise DataError(file, rule, f"Add a line `{missing[0]}: …`.", found=", ".join(missing))
    for key, label in labels.items():
        if key not in wanted:
            rule = f"every key is one of {STANDARD}.yaml"
            raise DataError(file, rule, f"Correct or remove `{key}`.", found=key)
        _require_places(file, key, label, _places(wanted[key]))
    return Labels(labels)


def _read(path: Path) -> Mapping[str, str]:
    name = f"labels/{path.name}"
    return read_yaml(read_text(path, name), Labels, name).root


def _require_places(file: str, key: str, label: str, wanted: set[str]) -> None:
    if len(label) > LONGEST:
        rule = f"a label has at most {LONGEST} characters"
        raise DataError(file, rule, f"Shorten `{key}`.", found=f"{len(label)} characters")
    listed = ", ".join(f"{{{place}}}" for place in sorted(wanted)) or "nothing in braces"
    rule = f"{key} is a text with {listed}"
    remedy = "Write it as in the file of another language."
    if not label.strip():
        raise DataError(file, rule, remedy, found="nothing")
    try:
        found = _places(label)
    except ValueError as error:
        raise DataError(file, rule, remedy, found=label) from error
    if found != wanted:
        raise DataError(file, rule, remedy, found=label)


def _places(label: str) -> set[str]:
    """Names of what is filled in."""
    return {name for _, name, _, _ in Formatter().parse(label) if name is not None}
