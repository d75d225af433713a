"""Delimited text with a header: rows with their lines, and products from them."""
