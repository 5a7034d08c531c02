"""Quality: Great Expectations suites, one a stage, and their results as Dagster asset checks.

The checks themselves stand in ``raw.py``, ``universe.py``, ``metrics.py`` and ``report.py``; each
answers one question that operations would ask. Great Expectations takes seconds to import, so it
is imported only by the function that validates.
"""
