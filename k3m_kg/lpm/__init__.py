"""LPM, link prediction modelling: the contract that K3M and every embedding model share.

Here: questions, negatives, losses, filtered ranking, leakage. Not here: any interaction function
(`scorers`), any model, any file.
"""
