"""What a trained model is worth: downstream tasks, and the reports of them.

Here: link prediction, item classification, leakage of a report, reliability of probabilities. Not
here: using the model on a catalog (`use`), nor ranking itself (`lpm`).
"""
