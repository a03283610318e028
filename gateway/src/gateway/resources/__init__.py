"""JSON shapes: what goes in is validated by these, what goes out is built by hand beside them."""
