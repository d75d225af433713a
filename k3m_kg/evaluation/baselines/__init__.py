"""What a user could have in minutes instead: the majority, and linear models on the same inputs.

One file per input (`words`, `attributes`, `pictures`, `ready_made`), and what fits and asks them.
A question shows a linear model what it shows the trained model, and hides what it hides.
"""
