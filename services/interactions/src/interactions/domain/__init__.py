"""What a person can do with a movie, and what they may not."""
