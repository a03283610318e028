"""How large gRPC's messages may be, for those who serve and those who call."""

REQUEST_BYTES = 4 * 1024 * 1024
ANSWER_BYTES = 32 * 1024 * 1024
"""What we write ourselves may be larger than what we are sent: 500 movies with long texts."""
