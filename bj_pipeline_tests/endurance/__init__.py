"""What the pipeline survives: kills, crowds, missing resources, bad input, hostile text."""
