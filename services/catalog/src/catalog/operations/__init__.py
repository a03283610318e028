"""Writes: one function for each thing somebody can make happen."""
