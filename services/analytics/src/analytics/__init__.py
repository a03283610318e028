"""What people did, as far as they consent, and what it adds up to."""
