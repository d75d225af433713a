"""One page that says what a trained model is worth on the user's own catalog, and shows it at work.

Figures come from evaluations and from the model in use; nothing is computed here that a command
does not give too.
"""
