"""Whether a product has a property at all, learned from which products state which properties.

Here: what is seen of a product (`columns`), a linear model of what is stated (`ridge`), from that
how probably a property applies to a product that does not state it (`estimate`), the same at work
on a snapshot and kept beside a model (`applies`). No tensors, no model: it serves every link
predictor. What a value would be is asked elsewhere (`lpm`).

Letters of shapes: N products, P properties, F columns, K kinds of product.
"""
