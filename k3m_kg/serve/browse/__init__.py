"""What is kept in memory so that a million products are counted and searched at once.

Here: products, values and their words as arrays; selections, facets. It is derived from the graph
and made anew when that changes; nothing is written.
"""
