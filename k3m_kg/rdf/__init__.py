"""The graph as RDF: vocabulary, export, SPARQL, a store for rdflib, and SHACL validation."""
