"""YAML that people write, read so that no file can do more than hold values.

What belongs here: refusing what makes a small file endless (deep nesting, aliases of aliases),
silently loses a line (a key given twice) or holds what nobody sees. What does not: what a file must
hold, and the words of its refusal.
"""

from typing import Any

import yaml

from bj_pipeline.characters import unseen

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEEPEST = 20
_MOST_ALIASES = 8
_MOST_CHARACTERS = 1_000_000


class UnsafeYamlError(yaml.MarkedYAMLError):
    """YAML that is no plain list of values."""


def load(text: str) -> Any:
    """The values of a YAML text.

    Raises:
        yaml.YAMLError: It is none, or more than a plain list of values; ``problem`` and
            ``problem_mark`` say what and where, where that is known.
    """
    _inspect(text)
    return yaml.load(text, Loader=LOADER)  # noqa: S506 - a safe one


def _inspect(text: str) -> None:
    """Walk through a text's events, without making anything of them."""
    if len(text) > _MOST_CHARACTERS:
        raise UnsafeYamlError(problem=f"it has more than {_MOST_CHARACTERS} characters")
    open_: list[set[str] | None] = []
    """For each mapping around the present place its keys; None for a list."""
    is_key: list[bool] = []
    aliases = 0
    for event in yaml.parse(text, Loader=LOADER):
        _refuse_unseen(event)
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


def _refuse_unseen(event: Any) -> None:
    """Refuse a character that cannot be seen, which quotes let one write as an escape."""
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
