"""Movies as the catalog keeps them, the rules for their text, and what it refuses."""
