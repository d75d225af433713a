"""A generated catalog that goes the whole way through, and a report to look at."""
