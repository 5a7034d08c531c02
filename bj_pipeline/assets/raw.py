"""Raw data: what the vendors sent for the week, read into tables and otherwise left as it is."""

import dagster as dg
import pandas as pd

from bj_pipeline.assets.declare import stage_asset
from bj_pipeline.assets.metadata import preview
from bj_pipeline.assets.partitions import closed_issue
from bj_pipeline.assets.resources import PipelineResource
from bj_pipeline.sources.layouts import read
from bj_pipeline.warehouse import tables

_DESCRIPTIONS = {
    tables.RAW_QUOTES: "Daily closes and adjustment factors, from the base date to the close date.",
    tables.RAW_VALUATIONS: "Total shares, market caps and PE TTM at both dates, by vendor.",
    tables.RAW_INDEX_QUOTES: "Daily closes of the indices that the pool is compared with.",
    tables.RAW_LISTINGS: "Listing dates, so that an issue covers only what was listed by its week.",
    tables.RAW_FINANCIALS: "Full-year revenue and net profit.",
    tables.RAW_ANNOUNCEMENTS: "Announcements dated in the week.",
}


def _raw_asset(table: str, description: str) -> dg.AssetsDefinition:
    @stage_asset(table, description, group="raw", kinds={"pandas", "sql"})
    def asset(context: dg.AssetExecutionContext, pipeline: PipelineResource) -> pd.DataFrame:
        issue = closed_issue(context.partition_key)
        sent = pipeline.data_source.deliver(issue, table)
        landed = [pipeline.landing.store(delivery) for delivery in sent]
        reading = read(landed, table, issue)
        source = pipeline.data_source.name
        pipeline.warehouse.replace_input_files(issue.number, table, source, reading.files)
        for note in reading.notes:
            context.log.info(note)
        context.add_output_metadata(
            {"files": preview(reading.files), "remarks": "\n".join(reading.notes) or "none"}
        )
        return reading.frame

    return asset


RAW_ASSETS = [_raw_asset(table, description) for table, description in _DESCRIPTIONS.items()]
