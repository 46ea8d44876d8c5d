"""How a network of sequences is trained: the loss of each step, and the epochs."""
