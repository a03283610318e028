"""Entities, values, rules and refusals; standard library only."""
