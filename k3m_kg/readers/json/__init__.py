"""JSON: documents read by parts, and one product per line."""
