"""Models of knowledge, one file each with its paper; all answer to one contract."""
