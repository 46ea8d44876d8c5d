"""Families whose batches do not come from tables: tracing, few-shot, reinforcement, online."""
