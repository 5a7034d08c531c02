"""What proofreading finds: a rule that is broken, where, and what should stand there."""

from dataclasses import dataclass

FORM_OF_REFERENCE = "report.pdf"
"""The form whose pages are named where a finding concerns every form alike."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One slip.

    Attributes:
        rule: Name of the rule, such as ``sign_is_lost``.
        form: File that it stands in; empty until the sentence is looked up in a form.
        page: Page, sheet or section of that file.
        sentence: The sentence, title or row around it, as printed.
        found: What stands there.
        expected: What should stand there, with its computation if there is one.
        is_analysts: Whether an analyst wrote it; such a finding warns and does not block.
    """

    rule: str
    form: str
    page: str
    sentence: str
    found: str
    expected: str
    is_analysts: bool = False
