"""TMDb from outside: its client, its rate budget, and what its answers mean. No database here."""
