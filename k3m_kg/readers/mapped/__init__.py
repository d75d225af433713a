"""The mapping language at work: rows and trees of any format to products, as a mapping says.

Here: what its settings mean; in `guessing`, mappings that are suggested. Not here: the settings
themselves (`mapping`), and the formats.
"""
