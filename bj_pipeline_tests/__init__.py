"""Tests of bj_pipeline; the folders mirror the package."""
