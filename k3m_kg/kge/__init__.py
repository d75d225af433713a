"""Knowledge graph embeddings: looked-up vectors behind any link scorer, learnt from triples."""
