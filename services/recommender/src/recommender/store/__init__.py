"""Every SQL statement of the recommender, and the store of trained models."""
