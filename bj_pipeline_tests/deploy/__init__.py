"""Tests of ``deploy/``: the shipped files, and a deployment that really runs."""
