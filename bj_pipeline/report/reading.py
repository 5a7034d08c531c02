"""Text and YAML files that people write: read, and refused with file, line and remedy.

What belongs here: what the house file, the labels and the topic pages' headers have in common. What
does not: what any of them holds.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TypeVar

import yaml
from pydantic import BaseModel, StringConstraints, ValidationError

from bj_pipeline import given, safe_yaml
from bj_pipeline.characters import unseen
from bj_pipeline.errors import DataError

Checked = TypeVar("Checked", bound=BaseModel)
LONGEST = 1000
"""Characters of a text that stands in one place, such as a title or a cell."""
_LONGEST_PARAGRAPH = 5000
Remark = Annotated[str, StringConstraints(strip_whitespace=True, max_length=LONGEST)]
"""A text that may be left out."""
Text = Annotated[Remark, StringConstraints(min_length=1)]
Prose = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=_LONGEST_PARAGRAPH),
]
"""A paragraph, such as a disclosure, which lawyers write at length."""


def read_text(path: Path, file: str) -> str:
    """A text that people write: UTF-8 with or without mark, its lines ended by a line feed.

    Args:
        path: The file.
        file: Its name as the user knows it.

    Raises:
        DataError: It cannot be read, is too large, is not UTF-8, or holds what cannot be seen.
    """
    try:
        content = given.content(path)
    except OSError as error:
        remedy = "Look at its name, its size and its permissions."
        raise DataError(file, "the file can be read", remedy, found=error.strerror) from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        remedy = "Save it as UTF-8 (in Excel: the file type “CSV UTF-8”)."
        raise DataError(file, "the text is UTF-8", remedy, line) from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for line, words in enumerate(text.split("\n"), start=1):
        if found := unseen(words):
            rule = "every character can be seen"
            remedy = f"Delete the character {found}; if you do not see it, type the line anew."
            raise DataError(file, rule, remedy, line, f"{found} in {words}")
    return text


def read_yaml(text: str, model: type[Checked], file: str, first_line: int = 1) -> Checked:
    """Validate a YAML mapping.

    Args:
        text: The YAML.
        model: What it must hold.
        file: File name for messages.
        first_line: Line of the file on which ``text`` begins.

    Raises:
        DataError: Not YAML, not a mapping, a key given twice, or what ``model`` refuses.
    """
    quotes = 'Put a value that holds a colon or begins with a sign in quotes, such as unit: "%".'
    try:
        values = safe_yaml.load(text)
        node = yaml.compose(text, safe_yaml.LOADER)
    except yaml.MarkedYAMLError as error:
        line = first_line + (error.problem_mark.line if error.problem_mark else 0)
        if isinstance(error, safe_yaml.UnsafeYamlError):
            rule = "the file is a plain list of keys, each given once"
            raise DataError(file, rule, "Correct it.", line, error.problem) from error
        rule = "each line is `key: value` in YAML"
        raise DataError(file, rule, quotes, line, error.problem) from error
    except (yaml.YAMLError, ValueError) as error:
        rule = "each line is `key: value` in YAML"
        raise DataError(file, rule, quotes, first_line, str(error)) from error
    if not isinstance(node, yaml.MappingNode):
        keys = ", ".join(model.model_fields)
        raise DataError(file, f"there is a line for each key ({keys})", "Add them.", first_line)
    lines: dict[str, int] = {}
    for key, _ in node.value:
        line = first_line + key.start_mark.line
        name = str(key.value)
        if name in lines:
            raise DataError(file, "a key is given once", f"Keep one `{name}`.", line, name)
        lines[name] = line
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _refusal(error, model, file, first_line, lines) from error


def _refusal(
    error: ValidationError,
    model: type[BaseModel],
    file: str,
    first_line: int,
    lines: Mapping[str, int],
) -> DataError:
    """The first thing that a model refused, said in the words of the file."""
    first = error.errors()[0]
    key = str(first["loc"][0]) if first["loc"] else ""
    line = lines.get(key, first_line)
    if first["type"] == "missing":
        return DataError(file, f"the key `{key}` is given", f"Add a line `{key}: …`.", line)
    if first["type"] == "extra_forbidden":
        rule = f"the keys are {', '.join(model.model_fields)}"
        return DataError(file, rule, f"Correct or remove `{key}`.", line, key)
    place = ", item ".join(
        str(part + 1) if isinstance(part, int) else part for part in first["loc"]
    )
    message = first["msg"].removeprefix("Value error, ")
    remedy = "Correct the value; a number or a colon in a text needs quotes around it."
    found = repr(first["input"]) if key else None
    return DataError(file, f"{place}: {message}" if place else message, remedy, line, found)
