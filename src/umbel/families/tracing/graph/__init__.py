"""The graph of concepts: what helps what, what must be known before what, and what belongs together."""
