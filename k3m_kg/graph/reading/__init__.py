"""Reading: products one by one, tables in bulk, and where each statement comes from."""
