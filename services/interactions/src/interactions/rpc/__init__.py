"""The contract answered: unpack, one transaction, pack."""
