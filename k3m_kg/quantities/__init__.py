"""Quantities: numbers with units, read from values as people write them.

What a text says (`parsing`), in which unit (`units`), and whether a property is one (`scales`). The
text itself is never changed: 1.10 stays 1.10 in the graph. No tensors, no snapshot.
"""
