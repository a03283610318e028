"""Domain to protobuf and back."""
