"""Starts and watches the whole suite on one machine."""
