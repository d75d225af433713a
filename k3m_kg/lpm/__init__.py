"""LPM: scorers, negatives, losses, filtered ranking and the leakage check, shared by every model."""
