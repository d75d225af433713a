"""Commands from the graph to a trained model: cut a snapshot, train, see where the time goes."""
