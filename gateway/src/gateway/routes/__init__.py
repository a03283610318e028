"""The paths, a module a noun."""
