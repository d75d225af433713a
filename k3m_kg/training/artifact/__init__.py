"""The folder that a finished training leaves: weights, config, labels, manifest; and opening it."""
