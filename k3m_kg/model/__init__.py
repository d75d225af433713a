"""K3M: interactor, structure aggregation, and their composition from config.

Here: the layers of the paper and how encoders, fusion and tasks become one model. Not here:
encoders, fusions and tasks (plugins), batches, the training loop.
"""
