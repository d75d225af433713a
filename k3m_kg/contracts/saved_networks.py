"""Networks of transformers as an artifact describes them: data, whatever the library could run.

A config may name code of its own (`auto_map`), for which transformers asks on the terminal unless
it is told no; it may ask for more layers, or larger ones, than its weights have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import nn
from torch.nn.modules.module import (
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)

from k3m_kg.contracts.frozen_weights import FILE
from k3m_kg.contracts.hub import hub_access
from k3m_kg.contracts.weightless import weightless
from k3m_kg.errors import ArtifactError, K3MError
from k3m_kg.manifests import read_json

_MOST_PARTS = 100_000
"""Modules and tensors of one network: the largest that anybody freezes have a tenth."""


def saved_network(
    kind: Any, folder: Path, weights: Path, taken: Callable[[Any], nn.Module] = lambda whole: whole
) -> Any:
    """The network that the config in a folder of an artifact describes; its weights follow.

    Where `save_frozen` wrote weights, it is first built without memory, and must be one for them.

    Args:
        kind: a class of transformers with `from_config`, such as `AutoModel`.
        folder: of the config.
        weights: the folder of the weights, which need not be there: then they are no asset.
        taken: of what `kind` builds, the module whose weights were kept.

    Raises:
        ArtifactError: there is no such network, or not for these weights.
    """

    def build() -> Any:
        with _few_parts():
            return kind.from_config(_config(folder), dtype=torch.float32, trust_remote_code=False)

    with hub_access(allowed=False):
        path = weights / FILE
        if path.exists() and torch.get_default_device().type != "meta":
            _check_fits(lambda: taken(build()), path)
        try:
            return build()
        except K3MError:
            raise
        except Exception as error:  # the library meets any config, and raises anything
            said = " ".join(str(error).split())[:300] or type(error).__name__
            where = str(folder / "config.json")
            raise ArtifactError(
                f"no network can be built as it says: {said}", where=where
            ) from error


def _config(folder: Path) -> Any:
    from transformers import AutoConfig

    read_json(folder / "config.json")  # bounded in size and depth
    return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def _check_fits(build: Callable[[], nn.Module], path: Path) -> None:
    try:
        with weightless():
            network = build()
    except K3MError:
        raise
    except Exception:  # a network that cannot be built there is not held to it
        return
    try:
        with safe_open(path, framework="pt") as opened:
            found = {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ArtifactError(f"is damaged: {error}", where=str(path)) from None
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    if found != wanted:
        names = sorted(
            name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name)
        )
        what = f"these are no weights of the network that its config describes: {names[0][:200]}"
        raise ArtifactError(what, where=str(path))


@contextmanager
def _few_parts() -> Iterator[None]:
    """A network of very many parts is not built to its end.

    Raises:
        ArtifactError: there are more.
    """
    left = _MOST_PARTS

    def counted(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise ArtifactError(f"a network of more than {_MOST_PARTS:,} modules and tensors")

    hooks = [
        register_module_module_registration_hook(counted),
        register_module_parameter_registration_hook(counted),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
