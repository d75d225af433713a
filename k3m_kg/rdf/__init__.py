"""The graph as RDF: export, SPARQL, SHACL validation, and a store for rdflib.

Here: the graph seen through its vocabulary, as triples, files, queries, shapes. Not here: reading
RDF files into the graph (`readers.rdf`).
"""
