"""Finding products by what they are like: words, a picture, another product.

Here: the kept vectors `c*` of a catalog with their index, postings of its words, products that are
asked for and in no snapshot, searches that put these together. Not here: which products are one
(`matching`).
"""
