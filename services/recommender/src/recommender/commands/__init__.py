"""The service's own commands: evaluate on files, compare with baselines, measure at scale."""
