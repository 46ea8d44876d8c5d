"""Columns to features: one encoder per type of column, and the space they share."""
