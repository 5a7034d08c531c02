"""The parts of the report, one module each: metrics in, blocks of the document out.

A section enters its numbers in the ledger and builds its sentences, tables and charts from them.
"""
