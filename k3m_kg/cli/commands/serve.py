"""`k3m-kg serve`: the graph in a browser, and over HTTP."""

from __future__ import annotations

import getpass
import socket
from pathlib import Path
from typing import Annotated

import typer

from k3m_kg.cli.console import DEFAULT_DATABASE, DatabaseOption, note, say
from k3m_kg.cli.mixed_up import kind_of
from k3m_kg.cli.streams import finish
from k3m_kg.cli.using import DeviceOption, SnapshotOption, VectorsOption
from k3m_kg.errors import ArtifactError, K3MError


def serve(
    db: DatabaseOption = DEFAULT_DATABASE,
    model: Annotated[
        Path | None,
        typer.Option(metavar="ARTIFACT", help="A trained model, to propose and explain values."),
    ] = None,
    host: Annotated[
        str, typer.Option(metavar="HOST", help="Where to listen; beyond this machine with --token.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="The port; 0: any that is free.")
    ] = 8765,
    token: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROLE=SECRET",
            envvar="K3M_KG_TOKENS",
            help="Ask for this token: role reader, reviewer or admin; repeatable, in the "
            "environment with spaces between. Without a role, an admin's.",
        ),
    ] = None,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="A name that people reach the server by, as kg.example.org."
        ),
    ] = None,
    https: Annotated[
        bool,
        typer.Option("--https", help="People reach it by TLS, through a proxy before it."),
    ] = False,
    snapshot: SnapshotOption = None,
    vectors: VectorsOption = None,
    pairs: Annotated[
        Path | None,
        typer.Option(
            "--pairs", metavar="FILE", help="Known pairs that tell the API what is the same."
        ),
    ] = None,
    device: DeviceOption = "auto",
) -> None:
    """Serve the graph to a browser: look around, review what a model proposes, query it.

    Listens on this machine alone, where whoever is here may do everything. For others give tokens;
    use a proxy with TLS before it, and say --https. The HTTP API is described under /api.
    """
    from k3m_kg.extras import require

    require("fastapi", "jinja2", "python_multipart", "starlette", "uvicorn")
    if model is not None:
        require("torch")
        _check_artifact(model)
    import uvicorn

    from k3m_kg.serve.app import create_app
    from k3m_kg.serve.settings import ServeSettings, is_loopback, parse_token

    settings = ServeSettings(
        host=host,
        port=port,
        tokens=tuple(map(parse_token, token or ())),
        allowed_hosts=tuple(allowed_host or ()),
        user=_user(),
        https=https,
        snapshot=snapshot,
        vectors=vectors,
        pairs=pairs,
        device=device,
    )
    app = create_app(db, model, settings)
    if not is_loopback(host) and not https:
        note("without TLS whoever is on the way reads tokens: put a proxy with TLS before it")
    listening = _listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    say(f"http://{shown}:{listening.getsockname()[1]}/")
    finish()
    note("Ctrl-C ends it")
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=500,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=5,
    )
    with listening:
        uvicorn.Server(config).run(sockets=[listening])


def _check_artifact(model: Path) -> None:
    """See that there is an artifact, before anything is served; it is opened while that is.

    Raises:
        ArtifactError: there is none.
    """
    if kind_of(model) != "artifact":
        what = "this is no artifact" if model.exists() else "no such artifact"
        raise ArtifactError(what, where=str(model), hint="`k3m-kg pretrain` makes one")


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens; before the model is opened, so that a wrong port is told at once."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        made = socket.socket(family, kind, proto)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(128)
    except OSError as error:
        raise K3MError(
            f"cannot listen: {error.strerror or error}",
            where=f"{host}:{port}",
            hint="give another --port, or end what listens there",
        ) from None
    return made


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "local"
