"""Slips to plant in the document of a healthy issue, and what is found of them."""

from bj_pipeline.report.document import Document
from bj_pipeline.report.labels import standard_labels
from bj_pipeline.report.proofreading import Finding

ISSUE = 65
LABELS = standard_labels()
MEDIAN = "sector_metrics/机械设备/pe_ttm_median"
CHAIN_ROW = "920493.BJ"


def planted(document: Document, old: str, new: str) -> Document:
    """The document with a text of its JSON replaced."""
    text = document.model_dump_json()
    assert old in text
    return Document.model_validate_json(text.replace(old, new))


def with_fact(document: Document, name: str, **changes) -> Document:
    facts = document.facts
    return document.model_copy(
        update={"facts": facts | {name: facts[name].model_copy(update=changes)}}
    )


def with_exhibit(document: Document, name: str, change) -> Document:
    """The document with one exhibit changed."""

    def changed(block):
        if block.kind == "figure_row":
            figures = tuple(changed(one) for one in block.figures)
            return block.model_copy(update={"figures": figures})
        return change(block) if getattr(block, "id", "") == name else block

    sections = tuple(
        one.model_copy(update={"blocks": tuple(map(changed, one.blocks))})
        for one in document.sections
    )
    return document.model_copy(update={"sections": sections})


def number_of(document: Document, name: str) -> int:
    """The number of an exhibit, which changes with each chart that is added before it."""
    return next(one.number for one in document.exhibits() if one.id == name)


def rules(findings) -> set[str]:
    return {one.rule for one in findings}


def only(findings) -> Finding:
    (one,) = findings
    return one
