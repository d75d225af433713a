"""From snapshot rows to tensors: what a model is shown of products.

Here: tokenised titles and terms, prepared pictures, triples as one `ProductBatch`, and which
triples of a split are asked. Not here: layers or losses, nor reading a snapshot's files.
"""
