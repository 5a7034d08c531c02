"""The house file: names, colours and standing texts of the research house that publishes.

What belongs here: reading and judging ``content/house.yaml``, and :func:`read_yaml`, by which the
topic pages' headers are read in the same way. What does not: any wording or colour of a house
(those stand in the file), and how a form uses them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self, TypeVar

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from bj_pipeline.errors import ConfigurationError, DataError
from bj_pipeline.report.document import House

HOUSE_FILE = Path(__file__).parents[1] / "content" / "house.yaml"
READABLE_CONTRAST = 4.5
"""Least contrast of small text on its ground, by WCAG 2.2, success criterion 1.4.3."""

Checked = TypeVar("Checked", bound=BaseModel)
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


def contrast_on_white(colour: str) -> float:
    """Contrast of a colour ``#RRGGBB`` against white paper, from 1 (none) to 21 (WCAG)."""
    channels = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    linear = [
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - the sRGB curve
        for channel in channels
    ]
    luminance = sum(
        part * weight for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True)
    )
    return 1.05 / (luminance + 0.05)


def _readable(colour: str) -> str:
    contrast = contrast_on_white(colour)
    if contrast < READABLE_CONTRAST:
        raise ValueError(
            f"must be readable on white: its contrast is {contrast:.1f}, "
            f"at least {READABLE_CONTRAST} is needed; take a darker colour"
        )
    return colour


Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9A-Fa-f]{6}$"), AfterValidator(_readable)]


class _HouseFile(BaseModel):
    """The keys of the file; the model that documents carry is :class:`House`."""

    model_config = ConfigDict(extra="forbid")

    name: Text
    series: Text
    department: Text
    authors: tuple[Text, ...] = ()
    contact: str = ""
    accent: Colour = "#1F3A5F"
    up: Colour = "#C0392B"
    down: Colour = "#1E8449"
    risks: Annotated[tuple[Text, ...], Field(min_length=1)]
    disclosures: Annotated[tuple[Text, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _up_is_not_down(self) -> Self:
        if self.up.lower() == self.down.lower():
            raise ValueError("up and down must be different colours")
        return self


def load_house(path: Path = HOUSE_FILE) -> House:
    """The house of that file.

    Raises:
        ConfigurationError: There is no such file.
        DataError: A key is missing, unknown, given twice or wrong; names line and key.
    """
    if not path.is_file():
        raise ConfigurationError(
            f"The house file {path.name} does not exist: it gives the report's name, colours, "
            "risks and disclosures. Copy the one that comes with the package and change it."
        )
    return House(**read_yaml(read_text(path, path.name), _HouseFile, path.name).model_dump())


def read_text(path: Path, file: str) -> str:
    """A UTF-8 text file, with or without byte order mark, its lines ended by a line feed.

    Args:
        path: The file.
        file: Its name as the user knows it.

    Raises:
        DataError: It is not UTF-8.
    """
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        remedy = "Save it as UTF-8 (in Excel: the file type “CSV UTF-8”)."
        raise DataError(file, "the text is UTF-8", remedy, line) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


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
        node = yaml.compose(text, yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = first_line + (error.problem_mark.line if error.problem_mark else 0)
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
