"""Commands about the graph: what comes in, what is in it, what changed, what goes out."""
