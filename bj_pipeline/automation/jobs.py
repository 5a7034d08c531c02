"""What can be started as a whole: the issue, and its figures without the report."""

import dagster as dg

ISSUE_JOB = "issue"
FIGURES_JOB = "figures"
ASKED_BY = "bj/asked_by"
"""Tag of runs: a person's name, or what else asked for the run."""
BUILDS = "bj/builds"
"""Tag of runs that build all that they mean to build: nothing is carried on from them."""
FIGURES = dg.AssetSelection.groups("raw", "universe") | dg.AssetSelection.assets(
    "company_metrics", "sector_metrics"
)

issue_job = dg.define_asset_job(
    ISSUE_JOB,
    selection=dg.AssetSelection.groups("raw", "universe", "metrics", "report"),
    tags={BUILDS: ISSUE_JOB},
    description="One issue from the source to the finished report, with every check.",
)
figures_job = dg.define_asset_job(
    FIGURES_JOB,
    selection=FIGURES,
    tags={BUILDS: FIGURES_JOB},
    description="An earlier issue's sector figures, as far as trends need them; no report.",
)
