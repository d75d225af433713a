"""Commands that put a trained model to work on a catalog."""
