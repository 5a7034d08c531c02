"""YAML that people write, read so that no file can do more than hold values.

What belongs here: refusing what makes a small file endless (deep nesting, aliases of aliases,
numbers of a thousand digits), silently loses a line (a key given twice), holds what nobody sees or
is no plain value (tags, dates that no calendar has). What does not: what a file must hold, and the
words of its refusal.
"""

from typing import Any

import yaml

from bj_pipeline.characters import unseen

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEEPEST = 20
_MOST_BITS = 64
_MOST_ALIASES = 8
_MOST_CHARACTERS = 1_000_000


class UnsafeYamlError(yaml.MarkedYAMLError):
    """YAML that is no plain list of values."""


class _Values(LOADER):  # type: ignore[misc]
    """Makes values of a text, and says on which line one cannot be made."""

    def construct_object(self, node: Any, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 - theirs
        try:
            value = super().construct_object(node, deep)
        except ValueError as error:
            raise UnsafeYamlError(problem=str(error), problem_mark=node.start_mark) from error
        if isinstance(value, int) and value.bit_length() > _MOST_BITS:
            raise _refusal(node, f"a number has at most {_MOST_BITS} bits")
        return value


def load(text: str) -> Any:
    """The values of a YAML text.

    Raises:
        yaml.YAMLError: It is none, or more than a plain list of values; ``problem`` and
            ``problem_mark`` say what and where, where that is known.
    """
    _inspect(text)
    return yaml.load(text, Loader=_Values)  # noqa: S506 - a safe one


def _inspect(text: str) -> None:
    """Walk through a text's events, without making anything of them."""
    if len(text) > _MOST_CHARACTERS:
        raise UnsafeYamlError(problem=f"it has more than {_MOST_CHARACTERS} characters")
    open_: list[set[str] | None] = []
    """For each mapping around the present place its keys; None for a list."""
    is_key: list[bool] = []
    aliases = 0
    for event in yaml.parse(text, Loader=LOADER):
        _require_plain(event)
        if isinstance(event, yaml.CollectionEndEvent):
            open_.pop()
            is_key.pop()
        elif isinstance(event, yaml.NodeEvent):
            if is_key and open_[-1] is not None:
                is_key[-1] = not is_key[-1]
                if is_key[-1] and isinstance(event, yaml.ScalarEvent):
                    _once(event, open_[-1])
            aliases += isinstance(event, yaml.AliasEvent)
            if aliases > _MOST_ALIASES:
                raise _refusal(event, "too many aliases")
            if isinstance(event, yaml.CollectionStartEvent):
                open_.append(set() if isinstance(event, yaml.MappingStartEvent) else None)
                is_key.append(False)
                if len(open_) > _DEEPEST:
                    raise _refusal(event, f"nested more than {_DEEPEST} deep")


def _require_plain(event: Any) -> None:
    """Refuse a tag, and an unseen character, which quotes let one write as an escape."""
    if tag := getattr(event, "tag", None):
        raise _refusal(event, f"values are plain, without a tag such as {tag}")
    if not isinstance(event, yaml.ScalarEvent):
        return
    for line in event.value.split("\n"):
        if found := unseen(line):
            raise _refusal(event, f"every character can be seen, but {found} cannot")


def _once(key: Any, keys: set[str]) -> None:
    if key.value in keys and key.value != "<<":
        raise _refusal(key, f"a key is given once, {key.value} is given twice")
    keys.add(key.value)


def _refusal(event: Any, problem: str) -> UnsafeYamlError:
    return UnsafeYamlError(problem=problem, problem_mark=event.start_mark)
