"""Vectors of products and texts: written to files, read by regressions, trained on top of."""
