"""Numbers of things in messages: ``1 issue``, ``2 issues``, ``1,234 rows``."""


def counted(number: int, one: str, many: str = "") -> str:
    """A number with what it counts.

    Args:
        number: How many.
        one: The name of one.
        many: The name of several, if it is not ``one`` with an s.
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
