"""Proposals for the AI chain: which segment a company's business description points to.

What belongs here: the reading of the rules, the scoring, the counting of weights and its
measurement, and the text that an analyst is shown. What does not: the classification itself. An
issue takes segments from ``reference/ai_chain.csv`` alone; no asset imports this room, and a
proposal reaches a report only after an analyst has moved its row there by hand.
"""
