"""Tests of the report: its text, charts and forms."""
