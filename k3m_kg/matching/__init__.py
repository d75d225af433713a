"""Which products are one: how alike two are, candidates, probabilities.

Here: pairs and the files that hold them, similarities, models of pairs, blocking, `match`. Not
here: the vectors that candidates are found by (`search`), measuring a model on pairs (the
downstream task `alignment`, a plugin).
"""
