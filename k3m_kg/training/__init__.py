"""The training loop, its checkpoints, and the artifact it leaves."""
