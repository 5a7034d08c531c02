"""Revisions of the warehouse's tables, as Alembic runs them.

``versions/`` holds one file a revision, numbered; each is run once, in order, by ``bj-pipeline
migrate``. A released revision is never edited. How to add one: :mod:`.write`.
"""
