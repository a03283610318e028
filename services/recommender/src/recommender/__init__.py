"""Owns what is recommended to whom: taste replicas, trained models, lists and their history."""
