"""Honest probabilities: known answers, temperatures fitted on them, thresholds proved on others."""
