"""What people decide: a queue of items, decisions as runs, and what follows for triples.

Here: tables of docs/decisions/0050 in use. Not here: what is worth asking, pages, models.
"""
