"""Automation: what starts runs, and how a run is started here."""
