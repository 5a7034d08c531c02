"""The PDF of an issue, by Typst and by WeasyPrint.

The floor's page is a plain one: the same headings, paragraphs, tables and charts in the same font,
made ready beforehand, so that only the making of the PDF is measured. Every round is of another
issue: Typst remembers what it has set, and would make the same pages again in no time.
"""

import base64
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from bj_pipeline_tests.benchmarks.figures import Bench, Outcome
from bj_pipeline_tests.benchmarks.measuring import child, environment, in_turn, program, worker

if TYPE_CHECKING:
    from bj_pipeline.report.document import Block, Document

_LAST = 65
_ROUNDS = 5


def pdf(bench: Bench) -> list[Outcome]:
    """Documents and charts to PDF, an issue after the other in one process."""
    variables, rounds = environment(bench.folder / "home"), bench.rounds(_ROUNDS)
    first = _LAST - rounds
    child(program("backfill", f"{first}-{_LAST}"), variables, bench.folder / "run.log")
    with (
        worker("pages:typst", variables, bench.folder, first) as ours,
        worker("pages:weasyprint", variables, bench.folder, first) as floor,
    ):
        for warm_up in (ours, floor):
            warm_up(first)
        start = first + 1
        mine, theirs = in_turn(rounds, lambda at: ours(start + at), lambda at: floor(start + at))
        pages = [render.ask(_LAST)["result"] for render in (ours, floor)]
    note = f"{pages[0]} pages in issue {_LAST}; WeasyPrint's plain ones are {pages[1]}."
    return [Outcome(mine, theirs, note=note)]


# --- what runs in the workers


def typst(first: str) -> Callable[[int], int]:
    """Renders an issue's PDF."""
    from bj_pipeline.report import pdf as form

    issues = _issues(int(first))
    return lambda number: _pages(form.render(*issues[number]))


def weasyprint(first: str) -> Callable[[int], int]:
    """Renders the same content from HTML."""
    from weasyprint import HTML

    from bj_pipeline.report import fonts

    html = {number: _html(*one, fonts.font_file()) for number, one in _issues(int(first)).items()}
    return lambda number: _pages(HTML(string=html[number]).write_pdf())


def _pages(content: bytes) -> int:
    """How many pages a PDF has."""
    import pypdfium2

    with pypdfium2.PdfDocument(content) as opened:
        return len(opened)


def _issues(first: int) -> dict[int, tuple["Document", dict[str, bytes]]]:
    """Document and charts of each issue from the first on."""
    from bj_pipeline.report.document import parsed
    from bj_pipeline.settings import load_settings
    from bj_pipeline.warehouse import tables
    from bj_pipeline.warehouse.store import Warehouse

    warehouse = Warehouse(load_settings().warehouse_url)
    issues = {}
    for number in range(first, _LAST + 1):
        document = warehouse.read(tables.REPORT_DOCUMENT, number)["document"].iloc[0]
        drawn = warehouse.read(tables.REPORT_FIGURES, number)
        pictures = {row.figure: row.svg.encode() for row in drawn.itertuples()}
        issues[number] = (parsed(document), pictures)
    return issues


_STYLE = """
@font-face {{ font-family: "Noto Sans SC"; src: url("{font}"); font-weight: 100 900; }}
@page {{ size: A4; margin: 2cm 1.8cm; @bottom-center {{ content: counter(page); }} }}
body {{ font: 9pt/1.6 "Noto Sans SC"; }}
h1, h2 {{ color: #1f4e79; break-after: avoid; }}
table {{ width: 100%; border-collapse: collapse; font-size: 7.5pt; }}
thead {{ border-bottom: 1px solid #1f4e79; }}
td {{ padding: 1px 3px; border-bottom: 1px solid #e3e6ea; }}
figure {{ display: inline-block; width: 48%; margin: 0 0.5% 6pt; break-inside: avoid; }}
figcaption {{ font-weight: 700; }}
img {{ width: 100%; }}
"""


def _html(document: "Document", pictures: dict[str, bytes], font: Path) -> str:
    front = document.front_page
    blocks = [front.key_points, front.sectors, front.overview]
    parts = [f"<h1>{escape(document.title)}</h1>", *(_block(document, pictures, b) for b in blocks)]
    parts += [f"<p>{escape(exhibit.title)}</p>" for exhibit in document.exhibits()]
    for section in document.sections:
        parts.append(f"<h{section.level}>{escape(section.title)}</h{section.level}>")
        parts += [_block(document, pictures, block) for block in section.blocks]
    style = _STYLE.format(font=font.as_uri())
    return f"<!doctype html><html><head><style>{style}</style></head><body>{''.join(parts)}</body>"


def _block(document: "Document", pictures: dict[str, bytes], block: "Block") -> str:
    from bj_pipeline.report.document import Bullets, Figure, FigureRow, Paragraph

    match block:
        case Paragraph():
            return f"<p>{escape(document.text(block.line))}</p>"
        case Bullets():
            return "".join(f"<p>• {escape(document.text(item))}</p>" for item in block.items)
        case FigureRow():
            return "".join(_block(document, pictures, figure) for figure in block.figures)
        case Figure():
            drawn = base64.b64encode(pictures[block.id]).decode()
            return (
                f"<figure><figcaption>{escape(block.title)}</figcaption>"
                f'<img src="data:image/svg+xml;base64,{drawn}"></figure>'
            )
        case _:
            head = "".join(f"<td>{escape(column.label)}</td>" for column in block.columns)
            rows = (
                "".join(f"<td>{escape(document.text(cell.line))}</td>" for cell in row)
                for row in block.rows
            )
            body = "".join(f"<tr>{row}</tr>" for row in rows)
            return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
