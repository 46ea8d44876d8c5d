"""Search in bounded time."""
