"""Answer logs: read, checked, split by student, coded, cut into batches, and simulated."""
