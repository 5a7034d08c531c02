"""Characters that no text of the report may hold: those that are not seen, and turn what is around.

What belongs here: which characters those are, taking them out of what vendors send, and showing
them in messages. What does not: who refuses a text for one, and which characters a font or a file
format lacks.
"""

import re
import unicodedata

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Controls, formats (of no width, or turning the direction of writing), halves of characters, and
the two separators that only some programs take for line ends."""
_LINE_ENDS_AND_TABS = frozenset("\t\n\r")
_CODE_POINTS = re.compile(r"[^\x20-\x7e\u4e00-\u9fff\uff00-\uffee\u3000-\u303f]")
_LONGEST = 500


def is_unseen(character: str) -> bool:
    """Whether a character is none that can be read."""
    return unicodedata.category(character) in _UNSEEN and character not in _LINE_ENDS_AND_TABS


def unseen(text: str) -> str | None:
    """The first character of a text that cannot be seen, such as ``U+202E``; None if all can."""
    if text.isascii() and text.isprintable():
        return None
    found = next((character for character in text if is_unseen(character)), None)
    return None if found is None else f"U+{ord(found):04X}"


def seen(text: str) -> str:
    """A text without the characters that cannot be seen, on one line.

    Line ends and controls were between words, and become blanks; the others stood within words, and
    go. Half of a character becomes U+FFFD, so that the slip is seen.
    """
    if text.isascii() and text.isprintable():
        return text
    return " ".join("".join(map(_seen, text)).split(" ")).strip()


def _seen(character: str) -> str:
    match unicodedata.category(character):
        case "Cc" | "Zl" | "Zp":
            return " "
        case "Cf":
            return ""
        case "Cs":
            return "\N{REPLACEMENT CHARACTER}"
        case _:
            return character


def shown(text: str) -> str:
    """A text as a message shows it: on one line, not endless, what cannot be seen by its code."""
    cut = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return _CODE_POINTS.sub(lambda found: _by_code(found[0]), cut)


def escaped(text: str) -> str:
    """A text in which what cannot be seen stands by its code; line ends stay."""
    return "".join(_by_code(one) if is_unseen(one) else one for one in text)


def _by_code(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode()
