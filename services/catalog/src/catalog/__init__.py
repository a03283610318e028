"""The catalog alone owns movies, people, genres and the sync that fills them from TMDb."""
