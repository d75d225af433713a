"""Knowledge graph embeddings: looked-up vectors behind any link scorer, learnt from triples.

Here: triples by number, tables of vectors, the step, the loop and the artifact of
`k3m-kg kge train`. Not here: interactions (`scorers`), ranking and losses (`lpm`).
"""
