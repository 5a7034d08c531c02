"""The figures of an issue, from raw tables to metrics tables.

What belongs here: pure functions from frames to frames. What does not: Dagster, files, settings,
rounding for display, and the judgement whether data are good (that is ``quality/``). Frames have
the columns of :mod:`bj_pipeline.warehouse.tables` without ``issue``; money is yuan, changes are
fractions, a missing figure is NaN. Date columns may hold ``datetime.date`` or ``datetime64``.
"""
