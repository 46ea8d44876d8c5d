"""One step for all families, learners, and how they are chosen, combined and compared."""
