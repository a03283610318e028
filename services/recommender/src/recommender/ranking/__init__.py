"""Ranking movies for a person: numpy in, numpy out; no files, no clock, no network."""
