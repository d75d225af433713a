"""What a trained model is worth: link prediction, classification, and the reports of both."""
