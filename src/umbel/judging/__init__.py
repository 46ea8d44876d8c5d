"""How good, and how sure: metrics on known labels, paired intervals, verdicts, one recommendation."""
