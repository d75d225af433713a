"""Where a model runs: its device and precision, and the processes that share a training.

What lives here knows no model, no batch and no config: it stands on torch alone, and every room
that computes stands on it. `torchrun` starts the processes; whoever is alone needs none of it.
"""
