"""What callers, events and the clock can make happen."""
