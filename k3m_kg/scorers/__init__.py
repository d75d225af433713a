"""Link scorers: every PyKEEN interaction behind the `LinkScorer` contract.

Here: the adapter, and the only imports of PyKEEN in the project. Not here: ranking,
losses, negatives.
"""
