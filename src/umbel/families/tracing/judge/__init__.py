"""How good a forecast of answers is, where it fails, and the report."""
