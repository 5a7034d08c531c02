"""Everything that a run imports, for processes that are forked from one that has it already.

A run spends most of its time on imports, in which a kill is of no interest.
"""

import docx
import great_expectations
import typst
import xlsxwriter
from matplotlib import pyplot as plt

import bj_pipeline.automation.backfill
import bj_pipeline.automation.backup
import bj_pipeline.automation.inbox_sensor
import bj_pipeline.automation.local
import bj_pipeline.cli
import bj_pipeline.definitions
import bj_pipeline.quality.data_docs
import bj_pipeline.quality.validate
import bj_pipeline.report.charts
import bj_pipeline.report.docx
import bj_pipeline.report.html
import bj_pipeline.report.pdf
import bj_pipeline.report.xlsx
import bj_pipeline.site.build
import bj_pipeline.sources.inbox

__all__ = ["bj_pipeline", "docx", "great_expectations", "plt", "typst", "xlsxwriter"]
