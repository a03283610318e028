"""What people did with movies: favorites, ratings, watchlists, hidden movies, own lists."""
