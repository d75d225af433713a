"""The product knowledge graph in SQL, which is the truth.

Here: tables, dialects, the store with its transactions, the journal of runs, diff and undo.
Not here: what is good or bad about the data (`quality`), RDF (`rdf`), files (`ingest`), tensors.
"""
