"""Writing: what sources state and models propose, brought into the union of all."""
