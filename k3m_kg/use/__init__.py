"""A trained model at work on a catalog.

Here: opening an artifact with a snapshot; embed, complete, explain, audit, calibrate, accept. Not
here: measuring a model against known answers for a report (`evaluation`).
"""
