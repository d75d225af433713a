"""RDF files as catalogs: syntaxes to runs of triples, those to subjects, those to products."""
