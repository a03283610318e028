"""Writes: one function per thing a caller can make happen."""
