"""Asking the model: many requests at once, one thread that computes, whole batches.

Nothing here runs on the event loop but the waiting for an answer.
"""
