"""Writes the tables of ``docs/operations.md`` from the code: ``python docs/write_tables.py``."""

import re
from pathlib import Path

from pydantic.fields import FieldInfo

from bj_pipeline.quality.stages import ALL
from bj_pipeline.settings import PACKAGE, Settings

PAGE = Path(__file__).parent / "operations.md"


def checks() -> str:
    """One row a check."""
    rows = [f"| `{one.name}` | `{one.asset}` | {one.severity} | {one.remedy} |" for one in ALL]
    return "\n".join(["| check | of | severity | when it fails |", "|---|---|---|---|", *rows])


def settings() -> str:
    """One row a setting."""
    rows = [
        f"| `BJ_{name.upper()}` | {_default(name, field)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows])


def _default(name: str, field: FieldInfo) -> str:
    value = field.default
    if field.default_factory is not None:
        value = f"BJ_HOME/{name}"
    if isinstance(value, tuple):
        value = ",".join(value)
    if isinstance(value, Path) and value.is_absolute():
        value = f"{value.relative_to(PACKAGE.parent)}/"
    return f"`{value}`" if str(value).strip("*") and value is not None else ""


def main() -> None:
    """Replace both tables."""
    text = PAGE.read_text(encoding="utf-8")
    for head, table in (("| check | of |", checks()), ("| variable | default |", settings())):
        start = text.index(head)
        end = re.compile(r"\n\n|\Z").search(text, start)
        text = text[:start] + table + text[end.start() if end else len(text) :]
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
