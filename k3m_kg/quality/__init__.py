"""How good the data in the graph is: what `k3m-kg status` examines, and its page.

Here: coverage, placeholders, spellings, units, suspicious values; HTML and plots of them. Not here:
SHACL (`rdf`), what a model says of the data (`use.audit`).
"""
