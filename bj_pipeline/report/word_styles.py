"""How the Word file looks: its page, its styles, its fonts, its bullets.

What belongs here: every size, colour and distance, each once, as a named style that an analyst can
change for the whole file. What does not: what stands in the file (:mod:`.docx`).

Lines have exact heights, so that pages break at the same places whichever Chinese font a machine
has (:mod:`.word_pages` counts on it).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from docx.document import Document as WordDocument
from docx.opc.oxml import serialize_part_xml
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.shared import Mm, Pt

from bj_pipeline.report import fonts, palette
from bj_pipeline.report.document import House
from bj_pipeline.report.labels import Labels
from bj_pipeline.report.word_xml import element, twips

FONT = fonts.FAMILY
OTHER_FONTS = "Microsoft YaHei,微软雅黑,PingFang SC,Source Han Sans SC,SimHei"
"""Where the font is missing, Word takes the first of these that is there."""

WIDTH, HEIGHT = 493.0, 720.0
"""Of the text on a page, in points; charts are drawn to this width."""
GUTTER = 17.0
COLUMN = (WIDTH - GUTTER) / 2
CELL_SIDE, CELL_TOP = 4.0, 1.9
"""Inside a table's cells, in points."""
PANEL_SIDE = 9.0

INK, GREY, RULE = (one.removeprefix("#") for one in (palette.INK, palette.GREY, palette.RULE))
TABLE = "HouseTable"
BULLETS = 1
"""Number of the list definition."""
_TOP, _BOTTOM = 65.0, 57.0
_MARGIN = (595.3 - WIDTH) / 2


@dataclass(frozen=True, slots=True)
class TextStyle:
    """A paragraph style; distances and sizes in points.

    Attributes:
        name: Name of one of Word's own styles, or the label of a style of ours.
        size: Of the font.
        line: Exact height of a line; 0 lets a picture make it as high as it needs.
        before: Distance from what stands above.
        after: Distance to what stands below.
        bold: Bold or not.
        colour: ``accent``, ``white`` or a colour.
        align: ``both``, ``left``, ``right`` or ``center``.
        keeps_next: Stays on the page of what follows.
        level: Place in the outline, from 0; None outside.
        indent: From the left.
        hanging: How far the first line stands further left; negative further right.
        border: ``bottom``, ``left``, ``top`` or ``band`` (a filled box).
        tabs: Positions as (points, kind, leader).
        spaced: Whether Word leaves a little room between Chinese and Latin letters.
    """

    name: str
    size: float
    line: float
    before: float = 0
    after: float = 0
    bold: bool = False
    colour: str = INK
    align: str = "left"
    keeps_next: bool = False
    level: int | None = None
    indent: float = 0
    hanging: float = 0
    border: str = ""
    tabs: tuple[tuple[float, str, str], ...] = ()
    spaced: bool = True


_CONTENTS_TAB = ((WIDTH, "right", "dot"),)
_BAND = {"indent": 12.0, "border": "band", "colour": "white"}

# fmt: off
TEXT_STYLES: Mapping[str, TextStyle] = {
    "Normal": TextStyle("Normal", 10, 17),
    "Title": TextStyle("Title", 22, 34, bold=True, indent=12, border="band", colour="white"),
    "Subtitle": TextStyle("Subtitle", 12, 22, after=10, indent=12, border="band", colour="white"),
    "Masthead": TextStyle("word.masthead", 8.5, 18, indent=12, border="band", colour="white",
                          tabs=((WIDTH - 12, "right", "none"),)),
    "Heading1": TextStyle("heading 1", 15, 22, before=14, after=8, bold=True, colour="accent",
                          keeps_next=True, level=0, border="bottom"),
    "Heading2": TextStyle("heading 2", 12, 17, before=9, after=6, bold=True,
                          keeps_next=True, level=1, indent=9, border="left"),
    "TOCHeading": TextStyle("TOC Heading", 15, 22, before=10, after=8, bold=True, colour="accent",
                            keeps_next=True, border="bottom"),
    "BodyText": TextStyle("Body Text", 10, 17, after=6, align="both", hanging=-20),
    "ListBullet": TextStyle("List Bullet", 10, 17, after=4, align="both", indent=14, hanging=14),
    "Note": TextStyle("word.note", 8, 13, after=4, align="both", colour=GREY),
    "Caption": TextStyle("caption", 9, 13, before=9, after=3, bold=True, keeps_next=True,
                         border="bottom", spaced=False),
    "Picture": TextStyle("word.picture", 2, 0, keeps_next=True),
    "Source": TextStyle("word.source", 7, 10.5, before=3, after=6, colour=GREY),
    "TableHead": TextStyle("word.table_head", 8, 11.5, bold=True, spaced=False, keeps_next=True),
    "TableText": TextStyle("word.table_text", 8, 11, spaced=False),
    "KeyLabel": TextStyle("word.key_label", 10, 16, bold=True, colour="accent", before=5, after=5),
    "KeyPoint": TextStyle("word.key_point", 10, 16, before=5, after=5, align="both"),
    "PanelTitle": TextStyle("word.panel_title", 8.5, 14, before=4, after=2, bold=True,
                            colour="accent", keeps_next=True),
    "PanelText": TextStyle("word.panel_text", 8, 12.5, after=2, indent=48, hanging=48,
                           tabs=((48, "left", "none"),), spaced=False),
    "PanelNote": TextStyle("word.panel_note", 8, 12.5, after=2, spaced=False),
    "Between": TextStyle("word.between", 2, 4),
    "TOC1": TextStyle("toc 1", 10, 14, before=3, bold=True, tabs=_CONTENTS_TAB, spaced=False),
    "TOC2": TextStyle("toc 2", 9, 13, indent=16, tabs=_CONTENTS_TAB, spaced=False),
    "TableofFigures": TextStyle("table of figures", 8, 12.2, indent=44, hanging=44,
                                tabs=((44, "left", "none"), *_CONTENTS_TAB), spaced=False),
    "Header": TextStyle("header", 7.5, 12, colour=GREY, border="bottom",
                        tabs=((WIDTH / 2, "center", "none"), (WIDTH, "right", "none"))),
    "Footer": TextStyle("footer", 7.5, 12, colour=GREY, border="top",
                        tabs=((WIDTH, "right", "none"),)),
}
# fmt: on


def apply(word: WordDocument, house: House) -> None:
    """Make a new Word file look like the house's: page, styles, fonts, bullets, settings."""
    accent, labels = house.accent.removeprefix("#"), house.labels
    section = word.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin = section.right_margin = Pt(_MARGIN)
    section.top_margin, section.bottom_margin = Pt(_TOP), Pt(_BOTTOM)
    section.header_distance, section.footer_distance = Pt(34), Pt(26)
    styles = word.styles.element
    for old in styles.findall(qn("w:style")):
        styles.remove(old)
    _replace(styles, "w:docDefaults", _defaults())
    for style_id, style in TEXT_STYLES.items():
        styles.append(_paragraph_style(style_id, style, accent, labels))
    characters = {
        "DefaultParagraphFont": ("Default Paragraph Font", ""),
        "Strong": ("Strong", "bold"),
        "Hyperlink": ("Hyperlink", accent),
        "Number": (labels["word.number"], accent),
        "Unit": (labels["word.unit"], GREY),
        "Up": (labels["word.up"], house.up.removeprefix("#")),
        "Down": (labels["word.down"], house.down.removeprefix("#")),
        "Flat": (labels["word.flat"], GREY),
        "Sample": (labels["word.sample"], accent),
    }
    for style_id, (name, look) in characters.items():
        styles.append(_character_style(style_id, name, look))
    styles.append(_plain_table())
    styles.append(_table_style(accent, labels["word.table"]))
    _number_bullets(word, accent)
    _settings(word)
    _font_table(word)


def tint(accent: str) -> str:
    """The accent on white at six percent, as RRGGBB."""
    channels = (int(accent.removeprefix("#")[at : at + 2], 16) for at in (0, 2, 4))
    return "".join(f"{round(255 - (255 - one) * 0.06):02X}" for one in channels)


def _replace(parent: BaseOxmlElement, tag: str, new: BaseOxmlElement) -> None:
    old = parent.find(qn(tag))
    if old is None:
        parent.insert(0, new)
    else:
        parent.replace(old, new)


def _fonts() -> BaseOxmlElement:
    return element("rFonts", ascii=FONT, hAnsi=FONT, eastAsia=FONT, cs=FONT)


def _defaults() -> BaseOxmlElement:
    look = element(
        "rPr",
        _fonts(),
        element("color", val=INK),
        element("sz", val=20),
        element("szCs", val=20),
        element("lang", val="en-US", eastAsia="zh-CN", bidi="ar-SA"),
    )
    return element(
        "docDefaults",
        element("rPrDefault", look),
        element("pPrDefault", element("pPr", element("widowControl"))),
    )


def _paragraph_style(
    style_id: str, style: TextStyle, accent: str, labels: Labels
) -> BaseOxmlElement:
    result = element("style", type="paragraph", styleId=style_id)
    if style_id == "Normal":
        result.set(qn("w:default"), "1")
    result.append(element("name", val=labels.root.get(style.name, style.name)))
    if style_id != "Normal":
        result.append(element("basedOn", val="Normal"))
    if style.level is not None:
        result.append(element("next", val="BodyText"))
    result.append(element("qFormat"))
    result.append(_paragraph_look(style_id, style, accent))
    colour = {"accent": accent, "white": "FFFFFF"}.get(style.colour, style.colour)
    look = element("rPr", _fonts())
    if style.bold:
        look.extend([element("b"), element("bCs")])
    look.append(element("color", val=colour))
    look.extend(
        [element("sz", val=round(style.size * 2)), element("szCs", val=round(style.size * 2))]
    )
    result.append(look)
    return result


def _paragraph_look(style_id: str, style: TextStyle, accent: str) -> BaseOxmlElement:
    """Children in the order that the schema asks for."""
    look = element("pPr")
    if style.keeps_next:
        look.append(element("keepNext"))
    if style.level is not None or style_id == "Caption":
        look.append(element("keepLines"))
    if style_id == "ListBullet":
        number = element("numPr", element("ilvl", val=0), element("numId", val=BULLETS))
        look.append(number)
    if style.border:
        look.append(_borders(style, accent))
    if style.border == "band":
        look.append(element("shd", val="clear", color="auto", fill=accent))
    if style.tabs:
        stops = (
            element("tab", val=kind, leader=leader, pos=twips(at))
            for at, kind, leader in style.tabs
        )
        look.append(element("tabs", *stops))
    if not style.spaced:
        look.extend([element("autoSpaceDE", val=0), element("autoSpaceDN", val=0)])
    look.append(_distances(style))
    if style.indent or style.hanging:
        look.append(_indent(style))
    look.append(element("jc", val=style.align))
    if style.level is not None:
        look.append(element("outlineLvl", val=style.level))
    return look


def _distances(style: TextStyle) -> BaseOxmlElement:
    line = (twips(style.line), "exact") if style.line else (240, "auto")
    before, after = twips(style.before), twips(style.after)
    return element("spacing", before=before, after=after, line=line[0], lineRule=line[1])


def _indent(style: TextStyle) -> BaseOxmlElement:
    indent = element("ind", left=twips(style.indent))
    if style.border == "band":
        indent.set(qn("w:right"), str(twips(style.indent)))
    if style.hanging >= 0:
        indent.set(qn("w:hanging"), str(twips(style.hanging)))
    else:
        indent.set(qn("w:firstLineChars"), "200")
        indent.set(qn("w:firstLine"), str(twips(-style.hanging)))
    return indent


def _borders(style: TextStyle, accent: str) -> BaseOxmlElement:
    if style.border == "band":
        sides = {"top": 4, "left": 12, "bottom": 4, "right": 12}
        return element(
            "pBdr",
            *(
                element(side, val="single", sz=4, space=space, color=accent)
                for side, space in sides.items()
            ),
        )
    width, space, colour = {
        "heading 1": (10, 4, accent),
        "TOC Heading": (10, 4, accent),
        "heading 2": (24, 6, accent),
        "caption": (6, 3, accent),
    }.get(style.name, (4, 3, RULE))
    return element("pBdr", element(style.border, val="single", sz=width, space=space, color=colour))


def _character_style(style_id: str, name: str, look: str) -> BaseOxmlElement:
    result = element("style", type="character", styleId=style_id)
    result.append(element("name", val=name))
    if not look:
        result.set(qn("w:default"), "1")
        return result
    result.append(element("basedOn", val="DefaultParagraphFont"))
    result.append(element("qFormat"))
    if look == "bold":
        result.append(element("rPr", element("b"), element("bCs")))
    else:
        result.append(element("rPr", element("color", val=look)))
    return result


def _plain_table() -> BaseOxmlElement:
    sides = ("top", "left", "bottom", "right")
    margins = element("tblCellMar", *(element(side, w=0, type="dxa") for side in sides))
    result = element(
        "style",
        element("name", val="Normal Table"),
        element("tblPr", element("tblInd", w=0, type="dxa"), margins),
        type="table",
        styleId="TableNormal",
    )
    result.set(qn("w:default"), "1")
    return result


def _table_style(accent: str, name: str) -> BaseOxmlElement:
    def line(side: str, size: int, colour: str) -> BaseOxmlElement:
        return element(side, val="single", sz=size, space=0, color=colour)

    margins = element(
        "tblCellMar",
        element("top", w=twips(CELL_TOP), type="dxa"),
        element("left", w=twips(CELL_SIDE), type="dxa"),
        element("bottom", w=twips(CELL_TOP), type="dxa"),
        element("right", w=twips(CELL_SIDE), type="dxa"),
    )
    borders = element("tblBorders", line("bottom", 8, accent), line("insideH", 4, RULE))
    first_row = element(
        "tblStylePr",
        element("rPr", element("b"), element("bCs")),
        element(
            "tcPr",
            element("tcBorders", line("bottom", 6, accent)),
            element("shd", val="clear", color="auto", fill=tint(accent)),
        ),
        type="firstRow",
    )
    return element(
        "style",
        element("name", val=name),
        element("basedOn", val="TableNormal"),
        element("qFormat"),
        element("tblPr", borders, margins),
        element("tcPr", element("vAlign", val="center")),
        first_row,
        type="table",
        styleId=TABLE,
    )


def _number_bullets(word: WordDocument, accent: str) -> None:
    style = TEXT_STYLES["ListBullet"]
    level = element(
        "lvl",
        element("start", val=1),
        element("numFmt", val="bullet"),
        element("pStyle", val="ListBullet"),
        element("lvlText", val="■"),
        element("lvlJc", val="left"),
        element("pPr", element("ind", left=twips(style.indent), hanging=twips(style.hanging))),
        element(
            "rPr",
            _fonts(),
            element("color", val=accent),
            element("position", val=3),
            element("sz", val=10),
        ),
        ilvl=0,
    )
    numbering = word.part.numbering_part.element
    for old in list(numbering):
        numbering.remove(old)
    many = element("multiLevelType", val="hybridMultilevel")
    numbering.append(element("abstractNum", many, level, abstractNumId=0))
    numbering.append(element("num", element("abstractNumId", val=0), numId=BULLETS))


def _settings(word: WordDocument) -> None:
    """Chinese, and no compatibility mode."""
    settings = word.settings.element
    for compatibility in settings.iter(qn("w:compatSetting")):
        if compatibility.get(qn("w:name")) == "compatibilityMode":
            compatibility.set(qn("w:val"), "15")
    for language in settings.iter(qn("w:themeFontLang")):
        language.set(qn("w:eastAsia"), "zh-CN")
    for unwanted in ("w:proofState", "w:savePreviewPicture", "w:rsids"):
        for one in settings.findall(qn(unwanted)):
            settings.remove(one)
    for zoom in settings.iter(qn("w:zoom")):
        zoom.attrib.pop(qn("w:val"), None)
        zoom.set(qn("w:percent"), "100")


def _font_table(word: WordDocument) -> None:
    """Name the fonts to take where ours is missing."""
    (part,) = (one for one in word.part.package.iter_parts() if "fontTable" in one.partname)
    table = parse_xml(f"<w:fonts {nsdecls('w')}/>")
    table.append(
        element(
            "font",
            element("altName", val=OTHER_FONTS),
            element("charset", val="86"),
            element("family", val="swiss"),
            element("pitch", val="variable"),
            name=FONT,
        )
    )
    part._blob = serialize_part_xml(table)  # noqa: SLF001 - python-docx reads this part as bytes only
