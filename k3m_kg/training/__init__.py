"""Pretraining K3M: the loop, its checkpoints, and the artifact it leaves.

Here: optimiser, schedule, moving average, checkpoints, the artifact folder. Not here: layers
(`model`), what is learned (tasks are plugins), embedding models (`kge`).
"""
