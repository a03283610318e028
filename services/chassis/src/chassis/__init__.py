"""The frame every service is bolted to; it knows nothing about movies."""
