"""The house file: name, logo, colours, language and standing texts of the house that publishes.

What belongs here: reading and judging ``content/house.yaml``. What does not: any wording or colour
of a house (those stand in the file), its logo (:mod:`.logo`) and labels (:mod:`.labels`), and how a
form uses them.
"""

from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from bj_pipeline.errors import ConfigurationError
from bj_pipeline.report.document import House
from bj_pipeline.report.labels import STANDARD, load_labels
from bj_pipeline.report.logo import load_logo
from bj_pipeline.report.palette import READABLE_CONTRAST, contrast_on_white
from bj_pipeline.report.reading import Prose, Remark, Text, read_text, read_yaml

HOUSE_FILE = Path(__file__).parents[1] / "content" / "house.yaml"
_FEWEST_SERIES = 4
"""Five sectors share a chart: the accent and four more."""


def _readable(colour: str) -> str:
    contrast = contrast_on_white(colour)
    if contrast < READABLE_CONTRAST:
        raise ValueError(
            f"must be readable on white: its contrast is {contrast:.1f}, "
            f"at least {READABLE_CONTRAST} is needed; take a darker colour"
        )
    return colour


Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9A-Fa-f]{6}$")]
TextColour = Annotated[Colour, AfterValidator(_readable)]


class _HouseFile(BaseModel):
    """The keys of the file; the model that documents carry is :class:`House`."""

    model_config = ConfigDict(extra="forbid")

    name: Text
    series: Text
    department: Text
    authors: tuple[Text, ...] = ()
    contact: Remark = ""
    language: Text = STANDARD
    logo: str = ""
    accent: TextColour
    up: TextColour
    down: TextColour
    palette: Annotated[tuple[Colour, ...], Field(min_length=_FEWEST_SERIES)]
    risks: Annotated[tuple[Prose, ...], Field(min_length=1)]
    disclosures: Annotated[tuple[Prose, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _colours_differ(self) -> Self:
        if self.up.lower() == self.down.lower():
            raise ValueError("up and down must be different colours")
        series = [colour.lower() for colour in (self.accent, *self.palette)]
        if len(set(series)) < len(series):
            raise ValueError("accent and palette must all be different colours")
        return self


def load_house(path: Path = HOUSE_FILE) -> House:
    """The house of that file, with the logo and the labels that it names.

    Raises:
        ConfigurationError: There is no such file.
        DataError: A key is missing, unknown, given twice or wrong; names line and key. Or the logo
            or the labels are refused.
    """
    if not path.is_file():
        raise ConfigurationError(
            f"The house file {path.name} does not exist: it gives the report's name, colours, "
            "risks and disclosures. Copy the one that comes with the package and change it."
        )
    given = read_yaml(read_text(path, path.name), _HouseFile, path.name)
    return House(
        **given.model_dump(exclude={"logo"}),
        logo=load_logo(path.parent, given.logo, given.accent) if given.logo else None,
        labels=load_labels(given.language, path.parent / "labels"),
    )
