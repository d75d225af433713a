"""LPM: scorers, negatives, losses, filtered ranking and leakage check, shared by every model."""
