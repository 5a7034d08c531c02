"""The series as a static site: every issue of the warehouse, and every company over the issues.

Data flows one way, a module a step: ``history`` reads the warehouse (and ``kept`` what was
approved), ``figures`` says how one reads, ``views`` puts pages together, ``charts`` draws,
``render`` makes bytes, ``folder`` puts them in place and ``build`` is the entry point. What does
not belong here: figures (``metrics/``) and the report itself, whose finished files the site only
links to.
"""
