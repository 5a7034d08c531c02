"""Every setting: read from the environment (prefix ``BJ_``), validated once, with its default."""

import os
import re
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    Field,
    PlainValidator,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bj_pipeline.characters import is_unseen
from bj_pipeline.errors import ConfigurationError
from bj_pipeline.storage import Place, place

PACKAGE = Path(__file__).parent
_WITHOUT_DOCUMENTATION = 2
_IN_MEMORY = re.compile(r"\s*sqlite(\+\w+)?:(//)?/?(:memory:)?\s*")
_VENDORS = PACKAGE / "sources" / "vendor_layouts"
_SHARED = "spreadsheet"
"""What vendors' spreadsheets have in common; it is no vendor."""
_URL_MARK = re.compile(r"\?|%[0-9A-Fa-f]{2}")


def _parsed(value: object, info: ValidationInfo) -> Place:
    """The place that an operator named; the default if the variable is set to nothing."""
    name = str(info.field_name)
    return place(str(value), f"BJ_{name.upper()}") if value else _below_home(name)(info.data)


def _below_home(name: str) -> Callable[[Mapping[str, Any]], Place]:
    def default(settings: Mapping[str, Any]) -> Place:
        return Path(settings["home"]).absolute() / name

    return default


FOLDERS = ("landing", "artifacts", "published", "withdrawn")
"""Settings of folders that may lie elsewhere than in BJ_HOME, or in an object store."""

_PATHS = ("home", "input", "reference", "content", "alert_urls_file", "source", *FOLDERS)

Vendors = Annotated[tuple[str, ...], NoDecode]
Somewhere = Annotated[Place, PlainValidator(_parsed)]
"""A folder: a path, or a URL such as ``s3://bucket/folder``; it lies in BJ_HOME unless named."""


class Settings(BaseSettings):
    """Settings of one installation.

    Lists are given with commas: ``BJ_PE_TTM_VENDORS=ifind,wind``. Only the environment is read: a
    forgotten file in the working folder must not change a report.
    """

    model_config = SettingsConfigDict(
        env_prefix="BJ_",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    home: Path = Field(
        default=Path(".bj"),
        description="Folder of everything that is produced: warehouse, artifacts, Dagster's own.",
    )
    landing: Somewhere = Field(
        default_factory=_below_home("landing"),
        description="Where the bytes lie that vendors sent: a folder, or a URL like "
        "s3://bucket/landing.",
    )
    artifacts: Somewhere = Field(
        default_factory=_below_home("artifacts"),
        description="Where finished reports lie: a folder or a URL.",
    )
    published: Somewhere = Field(
        default_factory=_below_home("published"),
        description="Where approved reports lie, and nothing else: a folder or a URL.",
    )
    withdrawn: Somewhere = Field(
        default_factory=_below_home("withdrawn"),
        description="Where reports are kept that were published and withdrawn: a folder or a URL.",
    )
    database_url: str = Field(
        default="",
        description="SQLAlchemy URL of the warehouse; empty: SQLite in BJ_HOME.",
        repr=False,
    )
    celery_broker: SecretStr = Field(
        default=SecretStr(""),
        description="Broker (redis://…) through which Celery workers on several machines get runs; "
        "empty: this machine builds them. Never logged.",
    )
    source: str = Field(
        default="sample",
        description="Where data comes from unless a run says otherwise: sample, files, akshare, "
        "tushare, inbox, landing, or the path of a profile that combines them.",
    )
    input: Path | None = Field(default=None, description="Folder of the source `files`.")
    tushare_token: SecretStr = Field(
        default=SecretStr(""), description="Token of Tushare Pro; never logged."
    )
    tushare_url: str = Field(
        default="", description="Address of Tushare's interface, if not the vendor's own."
    )
    reference: Path = Field(
        default=PACKAGE / "reference", description="Folder of the curated CSV files."
    )
    content: Path = Field(
        default=PACKAGE / "content", description="Folder of topic pages and of the house's words."
    )
    pe_ttm_vendors: Vendors = Field(
        default=("ifind", "wind", "tushare", "akshare"),
        description="Whose PE TTM is taken for metrics, in order of preference.",
    )
    ai_chain_pe_ttm_vendors: Vendors = Field(
        default=("wind", "ifind", "tushare", "akshare"),
        description="Whose PE TTM the AI-chain table shows, in order of preference.",
    )
    publish_drafts: bool = Field(
        default=False,
        description="Whether the site shows issues that nobody has approved.",
    )

    alert_urls: SecretStr = Field(
        default=SecretStr(""),
        description="Where alerts go: Apprise URLs, separated by commas or blanks; never logged.",
    )
    alert_urls_file: Path | None = Field(
        default=None,
        description="File with further Apprise URLs, one a line; # starts a comment.",
    )
    alert_deadline: timedelta = Field(
        default=timedelta(hours=3),
        gt=timedelta(0),
        description="How long after Friday 18:00 (Shanghai) an issue that is not there counts as "
        "late: HH:MM:SS or an ISO 8601 duration (PT3H).",
    )
    retry_interval: timedelta = Field(
        default=timedelta(minutes=15),
        ge=timedelta(minutes=1),
        description="How often an issue whose vendor has not published the data yet is asked for "
        "again, until BJ_ALERT_DEADLINE has passed.",
    )
    ui_url: str = Field(
        default="http://127.0.0.1:3000",
        pattern=r"^https?://[^\s/]+(/[^\s]*)?$",
        description="Address of the Dagster UI as readers of alerts reach it.",
    )
    data_docs_url: str = Field(
        default="",
        pattern=r"^(https?://[^\s/]+(/[^\s]*)?)?$",
        description="Address under which a web server shows BJ_HOME/data_docs, for links from "
        "checks; empty: checks name the file.",
    )
    first_issue: int = Field(
        default=1,
        ge=1,
        description="The first issue that this installation answers for; nothing is said to be "
        "wrong with earlier ones.",
    )

    @field_validator(*_PATHS, "database_url", "tushare_token", mode="before")
    @classmethod
    def _refuse_frayed_ends(cls, value: object) -> object:
        if isinstance(value, str) and _is_frayed(value):
            raise ValueError(
                "it begins or ends with a blank, or holds a character that cannot be seen, such as "
                "the line end of a file from Windows: write it anew."
            )
        return value

    @field_validator(*_PATHS, mode="before")
    @classmethod
    def _begin_at_the_users_home(cls, value: object) -> object:
        # Shells do it for what they read as a path; files of settings come without one.
        if not isinstance(value, str) or not value.startswith("~"):
            return value
        try:
            return str(Path(value).expanduser())
        except RuntimeError as error:
            raise ValueError("~ leads to no user's folder here: write the whole path.") from error

    @field_validator("home", mode="before")
    @classmethod
    def _refuse_a_url(cls, value: object) -> object:
        if "://" in str(value):
            raise ValueError(
                "it is a folder on this machine; BJ_LANDING, BJ_ARTIFACTS, BJ_PUBLISHED and "
                "BJ_WITHDRAWN may be URLs."
            )
        return value

    @field_validator("home")
    @classmethod
    def _refuse_what_a_url_cannot_hold(cls, home: Path) -> Path:
        # Dagster puts the path into a URL as it is, so that the file would be another one.
        if _URL_MARK.search(str(home.absolute())):
            raise ValueError(
                "the path may hold neither ? nor a % before two hexadecimal digits: choose another "
                "folder"
            )
        return home

    @field_validator("database_url")
    @classmethod
    def _refuse_a_database_without_a_place(cls, url: str) -> str:
        if _IN_MEMORY.fullmatch(url):
            raise ValueError(
                "a database in memory is gone before the next step reads it: name a file, such as "
                "sqlite:////srv/bj/warehouse.db, or leave it empty."
            )
        return url

    @field_validator("pe_ttm_vendors", "ai_chain_pe_ttm_vendors", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value

    @field_validator("pe_ttm_vendors", "ai_chain_pe_ttm_vendors")
    @classmethod
    def _refuse_unknown_vendors(cls, vendors: tuple[str, ...]) -> tuple[str, ...]:
        # A name that no vendor has would let another one's figures be taken without a word.
        known = sorted(path.stem for path in _VENDORS.glob("*.yaml") if path.stem != _SHARED)
        if unknown := [name for name in vendors if name not in known]:
            raise ValueError(f"{', '.join(map(repr, unknown))} is no vendor; write {known}.")
        if len(set(vendors)) < len(vendors):
            raise ValueError("a vendor stands there twice: name each once.")
        return vendors

    @property
    def warehouse_url(self) -> str:
        """SQLAlchemy URL of the warehouse."""
        return self.database_url or f"sqlite:///{self.home.absolute() / 'warehouse.db'}"

    @property
    def inbox(self) -> Path:
        """Where people drop vendors' files."""
        return self.home.absolute() / "inbox"

    @property
    def data_docs(self) -> Path:
        """Where the results of checks lie as web pages."""
        return self.home.absolute() / "data_docs"

    @property
    def dagster_home(self) -> Path:
        """Dagster's own storage."""
        return self.home.absolute() / "dagster"


def _is_no_text(value: str) -> bool:
    """Whether it holds halves of characters, by which Python carries bytes that are no UTF-8."""
    return any("\ud800" <= one <= "\udfff" for one in value)


def _is_frayed(value: str) -> bool:
    """Whether it holds what nobody means, such as the line ends of a file from Windows."""
    return value != value.strip() or any(is_unseen(one) or one in "\t\n\r" for one in value)


def load_settings() -> Settings:
    """Settings from the environment.

    Raises:
        ConfigurationError: A value is not understood; names the variable.
    """
    if sys.flags.optimize >= _WITHOUT_DOCUMENTATION:
        raise ConfigurationError(
            "PYTHONOPTIMIZE=2 (python -OO) takes away documentation that Great Expectations reads "
            "when it checks: unset it, or set it to 1."
        )
    for name, value in os.environ.items():
        if name.startswith("BJ_") and _is_no_text(value):
            raise ConfigurationError(
                f"{name} holds bytes that are no UTF-8: write it in UTF-8; rename the folder or "
                "file if its own name is none."
            )
    try:
        return Settings()
    except FileNotFoundError as error:
        raise ConfigurationError(
            "The working folder is gone, so a path that does not begin with / leads nowhere: go to "
            "a folder that is there, or set BJ_HOME to a whole path."
        ) from error
    except ValidationError as error:
        lines = [
            f"BJ_{'_'.join(str(part) for part in problem['loc']).upper()}: "
            f"{problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors()
            # Said of the folders below BJ_HOME whenever another setting is wrong.
            if problem["type"] != "default_factory_not_called"
        ]
        raise ConfigurationError("\n".join(lines)) from error
