"""Writes: what a caller, an event or the clock can make happen."""
