"""Learners: one file each, found by their registration."""
