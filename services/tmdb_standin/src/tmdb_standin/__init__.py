"""A TMDb-compatible server over a synthetic catalogue computed on demand from (seed, id)."""
