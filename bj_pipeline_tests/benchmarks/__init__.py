"""Speed and memory, measured against floors: ``python -m bj_pipeline_tests.benchmarks [names…]``.

What belongs here: one module a theme, each with the product's side of a figure and the floor under
it. What does not: tests; nothing here fails because a machine is slow or busy, which is why every
figure is a ratio, and its two sides are measured in turn.
"""
