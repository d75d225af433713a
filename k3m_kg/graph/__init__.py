"""The product knowledge graph in SQL: the one truth that everything else is cut from."""
