"""The public REST API: JSON outside, gRPC inside, and who may do what in between."""
