"""Domain to protobuf and back, and to the JSON that is kept."""
