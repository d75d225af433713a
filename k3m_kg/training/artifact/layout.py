"""Names of K3M's artifact, apart from what reads it: the plugin record needs them without torch."""

MANIFEST = "artifact.json"
