"""What the vendors' mapping files say: ``vendor_layouts/*.yaml``, one a vendor.

What belongs here: the schema of these files and their loading. What does not: any vendor's column
name, which stands in the YAML, and the reading itself. A new vendor, interface, label or unit is a
change of YAML only.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from bj_pipeline import given, safe_yaml
from bj_pipeline.errors import DataError
from bj_pipeline.warehouse import tables

FOLDER = Path(__file__).parent / "vendor_layouts"
SPREADSHEET = "spreadsheet"
"""Interface name of every sheet that is read by its header's grammar."""

Kind = Literal["code", "date", "revision", "year", "number", "positive", "text"]
"""``positive`` is a number greater than zero; ``year`` keeps full years only; ``revision`` is the
day on which a year's accounts were last revised."""

ADJUSTED_CLOSE = "adjusted_close"
"""Beside the columns of ``raw_quotes``: divided by the close it gives the adjustment factor."""


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnMapping(_Model):
    """Where a column comes from in an interface's result.

    Attributes:
        headers: Header names, the first that is present counts (``from`` in YAML).
        parameter: Parameter of the call that says it, where no header does.
        kind: How cells are read.
        times: What the vendor's unit is in ours.
        blank: What a blank means: ``missing``, or ``loss`` where the vendor documents it.
        loss_flag: Header of a column that says where a blank is a loss.
        optional: Whether the result may lack it.
        where: Parameter values under which the header means this column; ``""`` is not given.
    """

    headers: Names = Field(default=(), alias="from")
    parameter: str | None = None
    kind: Kind
    times: float = 1
    blank: Literal["missing", "loss"] = "missing"
    loss_flag: str | None = None
    optional: bool = False
    where: Mapping[str, tuple[str, ...]] = {}


class Interface(_Model):
    """One interface of a vendor: a table whose first row holds known names.

    Attributes:
        tables: Raw table → column → mapping.
        also: Headers that are known and not needed.
        row_cap: Most rows a call returns: that many mean that the result was cut.
        refused: Why results of it are never used.
        keep: Header → values of the rows to keep, where the header is present.
        latest_by: Header whose largest value wins among rows of one key.
    """

    tables: Mapping[str, Mapping[str, ColumnMapping]]
    also: tuple[str, ...] = ()
    row_cap: int | None = None
    refused: str | None = None
    keep: Mapping[str, tuple[str, ...]] = {}
    latest_by: str | None = None

    @property
    def known(self) -> frozenset[str]:
        """Every header that the interface may have."""
        named = [name for columns in self.tables.values() for name in columns.values()]
        headers = [header for column in named for header in column.headers]
        flags = [column.loss_flag for column in named if column.loss_flag]
        latest = [self.latest_by] if self.latest_by else []
        return frozenset([*headers, *flags, *self.keep, *latest, *self.also])


class Measure(_Model):
    """A column that a spreadsheet's header cell may name.

    Attributes:
        labels: What the cell may say, preferred ones first.
        kind: How cells are read.
        unit: Which family of units it is counted in.
    """

    labels: tuple[str, ...]
    kind: Kind
    unit: str | None = None


class Identity(_Model):
    """Labels of the columns that say whose row it is, and of when."""

    code: Annotated[tuple[str, ...], Field(min_length=1)]
    name: tuple[str, ...] = ()
    day: tuple[str, ...] = ()
    period: tuple[str, ...] = ()


class Grammar(_Model):
    """How a vendor's spreadsheets are written; see ``vendor_layouts/spreadsheet.yaml``."""

    identity: Identity
    footers: tuple[str, ...] = ()
    summaries: tuple[str, ...] = ()
    blanks: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()
    unit_words: tuple[str, ...] = ()
    date_words: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    units: Mapping[str, Mapping[str, float]] = {}
    tables: Mapping[str, Mapping[str, Measure]]
    fallback: bool = False
    marks: tuple[str, ...] = ()
    own_labels: tuple[str, ...] = ()


class Vendor(_Model):
    """A vendor's mapping file.

    Attributes:
        vendor: Its name in the warehouse.
        interfaces: By name.
        spreadsheet: Grammar of its spreadsheets, if it has any.
        named_only: Whether its layouts count only where a delivery names the vendor.
    """

    vendor: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    interfaces: Mapping[str, Interface] = {}
    spreadsheet: Grammar | None = None
    named_only: bool = False

    @model_validator(mode="after")
    def _units_exist(self) -> "Vendor":
        if self.spreadsheet:
            measures = [one for table in self.spreadsheet.tables.values() for one in table.values()]
            for measure in measures:
                if measure.unit is not None and measure.unit not in self.spreadsheet.units:
                    raise ValueError(f"units has no family {measure.unit}")
        return self

    @model_validator(mode="after")
    def _tables_exist(self) -> "Vendor":
        feeds: list[Mapping[str, Mapping[str, object]]] = [
            interface.tables for interface in self.interfaces.values() if not interface.refused
        ]
        feeds += [self.spreadsheet.tables] if self.spreadsheet else []
        for feed in feeds:
            for table, columns in feed.items():
                if table not in tables.METADATA.tables:
                    raise ValueError(f"there is no table {table}")
                known = {*tables.columns(table), ADJUSTED_CLOSE}
                unknown = set(columns) - known
                if unknown:
                    raise ValueError(f"{table} has no column {', '.join(sorted(unknown))}")
        return self


@cache
def vendors(folder: Path = FOLDER) -> Mapping[str, Vendor]:
    """Every vendor's mapping, by name.

    Args:
        folder: Where the YAML files are.

    Raises:
        DataError: A file breaks the schema, extends an unknown one, or names a vendor twice.
    """
    files = {path.stem: _loaded(path) for path in sorted(folder.glob("*.yaml"))}
    found: dict[str, Vendor] = {}
    for stem, data in files.items():
        if "vendor" not in data:
            continue
        name = f"{stem}.yaml"
        base = data.get("extends")
        if base is not None and (not isinstance(base, str) or base not in files):
            raise DataError(name, "extends names a file here", "Correct it.", found=str(base))
        own = {key: value for key, value in data.items() if key != "extends"}
        merged = _merged(files[base], own) if base is not None else own
        try:
            vendor = Vendor.model_validate(merged)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            rule = f"the mapping follows its schema ({place}: {first['msg']})"
            remedy = (
                f"Correct the file, or {base}.yaml, which it extends."
                if base
                else "Correct the file."
            )
            raise DataError(name, rule, remedy) from error
        if vendor.vendor in found:
            raise DataError(name, "a vendor has one file", "Join the files.", found=vendor.vendor)
        found[vendor.vendor] = vendor
    return found


def _loaded(path: Path) -> dict[str, Any]:
    try:
        data = safe_yaml.load(given.read_text(path))
    except yaml.YAMLError as error:
        found = " ".join(str(error).split())
        raise DataError(path.name, "the file is YAML", "Correct it.", found=found) from error
    if not isinstance(data, dict):
        raise DataError(path.name, "the file is a YAML mapping", "Correct it.")
    return data


def _merged(base: Any, own: Any) -> Any:
    """What a vendor adds to the grammar that it extends: lists grow, values are replaced."""
    if isinstance(base, dict) and isinstance(own, dict):
        return {
            key: _merged(base[key], own[key])
            if key in base and key in own
            else own.get(key, base.get(key))
            for key in {**base, **own}
        }
    if isinstance(base, list) and isinstance(own, list):
        return [*base, *own]
    return own
