"""Where the files that ship beside the code are: in the wheel, or in a checkout."""

from __future__ import annotations

from pathlib import Path

from k3m_kg.errors import K3MError


def resource_folder(name: str) -> Path:
    """The folder `name`, such as `migrations`: inside the package, else at the checkout's top.

    Raises:
        K3MError: neither is there; the installation is incomplete.
    """
    package = Path(__file__).resolve().parent
    for candidate in (package / name, package.parent / name):
        if candidate.is_dir():
            return candidate
    raise K3MError(
        f"the folder {name!r} is missing from this installation",
        where=str(package),
        hint="install k3m-kg again",
    )


def migrations_folder() -> Path:
    """The alembic scripts."""
    return resource_folder("migrations")
