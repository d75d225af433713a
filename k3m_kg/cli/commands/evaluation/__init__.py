"""Commands that say what a trained model is worth."""
