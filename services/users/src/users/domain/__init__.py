"""The rules of accounts, sessions, profiles and keys; standard library only."""
