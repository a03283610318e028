"""Writes: what a caller can make happen."""
