"""Pretraining K3M, from a config to an artifact.

`pretrain` is the way through; `recipe` chooses a config, `preparing` makes what is trained. Rooms:
`loop` (a step and what repeats it), `run` (what an unfinished training keeps), `artifact` (what a
finished one leaves), `watching` (whoever looks on). Not here: layers (`model`), what is learned
(tasks are plugins), embedding models (`kge`).
"""
