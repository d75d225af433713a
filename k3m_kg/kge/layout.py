"""Names of an embedding artifact, apart from what reads it: the plugin record needs no torch."""

MANIFEST = "kge.json"
