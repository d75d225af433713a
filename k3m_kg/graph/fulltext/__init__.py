"""Full text in the database: which products and values have a word (docs/decisions/0057).

Here: phrases, the tables of words on each database, filling them after runs, finding. Not here:
what is made of what was found; words of a snapshot (`k3m_kg.search`).
"""
