"""Evidence: what speaks for a candidate value besides its words' nearness to the product's vector.

A linear model reads off counts: this title word, that triple goes with this value. One product
vector learns the same slowly, and from few products not at all. So link prediction adds a term for
each (question, candidate): from the triples and words that the question sees, how often training
had each with each value, through learned gates; a weight of each such pair; and what every value
brings by itself. What a question does not see speaks for nothing: hidden equals absent.

Here: which features there are, their counts, and the module that learns. Not here: the vectors
(`model`), the loss (`plugins/k3m_kg_tasks`).
"""
