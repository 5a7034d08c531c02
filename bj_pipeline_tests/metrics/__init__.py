"""Tests of the metrics: small frames worked out by hand, and real weeks of the exchange."""
