"""What is known: columns in, batches out, never a leak."""

from umbel.data.films import films, films_problem

__all__ = ["films", "films_problem"]
