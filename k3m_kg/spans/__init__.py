"""Open values: values that stand in a product's own texts, seen in training or not.

`texts` says what a product's texts are, `finding` which pieces of them could be values, `features`
what speaks for a piece, `scoring` fits and asks a model of that. No tensors; what a value means is
the link predictor's business.
"""
