"""The commands of ``bj-pipeline``, one module a kind of work.

Commands only read their arguments, call the rooms that do the work, and print. Imports of Dagster
and pandas stand inside the commands, so that ``--help`` answers at once.
"""
