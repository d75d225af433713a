"""Reviewers at work through HTTP, all at once, and what of it is in the database afterwards.

    python -m benchmarks serve_load --products 200000 --reviewers 20 --decisions 50
    python -m benchmarks serve_load --db postgresql://user@/name?host=/socket
    python -m benchmarks serve_load --complete ARTIFACT

A generated graph with a queue of proposals (that of `serve_browse`), `k3m-kg serve` over it, and
scripted reviewers, each a thread with a connection of its own, who never stop to think: fetch an
item, look at its product, decide; now and then a list with facets, and a decision taken back.
Reported per kind of request: p50, p99; decisions per second; and against the database: decisions
that were acknowledged and are not there (lost), items with more than one (double), items given to
two reviewers. Clients, server and database share this machine.

With `--complete` instead: `complete` of an artifact's products through HTTP, beside the library in
one process.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np

from benchmarks._figures import add_out, tell
from benchmarks.serve_browse import fill
from k3m_kg.graph.reviewing.desk import ReviewDesk
from k3m_kg.graph.reviewing.items import ReviewOffer
from k3m_kg.graph.store import GraphStore

_SECRET = "a-token-of-a-benchmark"
_COMMAND = [sys.executable, "-c", "from k3m_kg.cli.app import main; main()", "serve"]
_BROWSE_EVERY, _UNDO_EVERY = 10, 25
_LIST = "/api/v1/products?q=word1"


@dataclass
class Seen:
    """What one reviewer saw.

    Attributes:
        took: seconds, by kind of request.
        held: numbers of items that he was given.
        decided: item -> run, of decisions that were acknowledged and not taken back.
        refused: statuses of what was turned away.
    """

    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    held: list[int] = field(default_factory=list)
    decided: dict[int, int] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)


class Client:
    """One connection, one reviewer."""

    def __init__(self, address: str, name: str, seen: Seen) -> None:
        parts = urlsplit(address)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)
        self._headers = {
            "Authorization": f"Bearer {_SECRET}",
            "X-K3M-Name": name,
            "Content-Type": "application/json",
        }
        self._seen = seen

    def ask(self, kind: str, method: str, path: str, body: Any = None) -> Any:
        """The answer, None where it was refused; timed."""
        began = time.perf_counter()
        sent = None if body is None else json.dumps(body)
        self._connection.request(method, path, sent, self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        self._seen.took[kind].append(time.perf_counter() - began)
        if answer.status >= 400:
            self._seen.refused[f"{kind} {answer.status}"] += 1
            return None
        if "json" in (answer.getheader("content-type") or ""):
            return json.loads(text)
        return text


def review(address: str, number: int, decisions: int, seen: Seen) -> None:
    """Decide so many items."""
    client = Client(address, f"reviewer {number}", seen)
    random = np.random.default_rng(number)
    while len(seen.took["decide"]) < decisions:
        items = client.ask("next", "POST", "/api/v1/proposals/next", {"count": 1})
        if not items:
            return
        item = items[0]
        seen.held.append(item["id"])
        client.ask("product page", "GET", f"/product?id={quote(item['product'])}")
        answer = "accept" if random.random() < 0.7 else "reject"
        body = {"items": [item["id"]], "answer": answer}
        found = client.ask("decide", "POST", "/api/v1/decisions", body)
        if found is not None:
            seen.decided[item["id"]] = found["run"]
        count = len(seen.took["decide"])
        if count % _BROWSE_EVERY == 0:
            client.ask("list with facets", "GET", f"/browse?q=word{int(random.integers(0, 60))}")
        if count % _UNDO_EVERY == 0:
            undone = client.ask("undo", "DELETE", "/api/v1/decisions/last")
            for one in (undone or {}).get("items", []):
                seen.decided.pop(one, None)


@contextmanager
def served(db: str, *options: object, first: str = _LIST) -> Iterator[str]:
    """The address of the server over a graph; `first` is what it must have answered."""
    token = ("--token", f"reviewer={_SECRET}")
    process = subprocess.Popen(
        [*_COMMAND, "--db", db, "--port", "0", *token, *map(str, options)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")},
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        wait_for(address, first)
        yield address
    finally:
        process.terminate()
        process.wait()


def wait_for(address: str, first: str) -> None:
    """Until it answers; a list, when it has read the catalog."""
    for _ in range(1200):
        seen = Seen()
        try:
            client = Client(address, "first", seen)
            if client.ask("first", "GET", first) is not None:
                return
        except OSError:
            pass
        time.sleep(0.5)
    raise SystemExit("the server does not answer")


def load(options: argparse.Namespace, db: str) -> dict[str, Any]:
    """Fill, serve, review, compare."""
    random = np.random.default_rng(0)
    store, _ = GraphStore.create(db)
    with store:
        there = store.status().products
        if there not in (0, options.products):
            raise SystemExit(f"{db} has {there:,} products: --products {there}, or an empty one")
        if not there:
            fill(store, options.products, random)
        wanted = min(options.products, 3 * options.reviewers * options.decisions)
        rows = random.permutation(options.products)[:wanted].tolist()
        shares = random.random(wanted).tolist()
        ReviewDesk(store).add(
            "generated",
            (
                ReviewOffer(f"P{row:07}", "material", f"material {row % 9}", share)
                for row, share in zip(rows, shares, strict=True)
            ),
        )
    everybody = [Seen() for _ in range(options.reviewers)]
    with served(db) as address:
        threads = [
            threading.Thread(target=review, args=(address, number, options.decisions, seen))
            for number, seen in enumerate(everybody)
        ]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - began
    with GraphStore.open(db) as store:
        decided = [(one.item.id, one.decision.run) for one in ReviewDesk(store).decided()]
    given = [set(seen.held) for seen in everybody]
    acknowledged = {pair for seen in everybody for pair in seen.decided.items()}
    took: dict[str, list[float]] = defaultdict(list)
    for seen in everybody:
        for kind, times in seen.took.items():
            took[kind] += times
    return {
        "database": db.partition(":")[0],
        "products": options.products,
        "reviewers": options.reviewers,
        "queue": wanted,
        "seconds": round(seconds, 1),
        "decisions_per_second": round(len(took["decide"]) / seconds, 1),
        "decided": len(acknowledged),
        "lost": len(acknowledged - set(decided)),
        "double": sum(count > 1 for count in Counter(item for item, _ in decided).values()),
        "given_twice": sum(map(len, given)) - len(set().union(*given)),
        "refused": dict(sum((seen.refused for seen in everybody), Counter())),
        "milliseconds": {
            kind: {
                "requests": len(times),
                "p50": round(1000 * float(np.percentile(times, 50)), 1),
                "p99": round(1000 * float(np.percentile(times, 99)), 1),
            }
            for kind, times in sorted(took.items())
        },
    }


def ask_pieces(address: str, waiting: list[list[str]], answers: list[int], seen: Seen) -> None:
    """Ask for pieces until none is left; the counts of what came go into `answers`."""
    client = Client(address, "asks", seen)
    while waiting:
        body = {"products": waiting.pop()}
        answers.append(len(client.ask("complete", "POST", "/api/v1/complete", body) or ()))


def completing(options: argparse.Namespace, db: str) -> dict[str, Any]:
    """Products a second that are completed, by the library and through HTTP."""
    from k3m_kg.use.completion.lacking import what_applies
    from k3m_kg.use.completion.proposing import CompletionSettings, complete
    from k3m_kg.use.open_model import open_model

    GraphStore.create(db)[0].close()
    opened = open_model(options.complete, None, device="cpu")
    rows = np.random.default_rng(0).permutation(len(opened.snapshot))[: options.products]
    ids = [opened.snapshot.ids[row] for row in rows.tolist()]
    applies, settings = what_applies(opened), CompletionSettings(top_k=5)
    best = 0.0
    for _ in range(options.rounds):
        began = time.perf_counter()
        count = sum(
            1 for _ in complete(opened.predictor, opened.batcher, rows, settings, applies=applies)
        )
        best = max(best, len(rows) / (time.perf_counter() - began))
    found, through = 0, 0.0
    pieces = [ids[at : at + options.together] for at in range(0, len(ids), options.together)]
    with served(db, "--model", options.complete) as address:
        seen = Seen()
        first = {"products": ids[:8]}
        Client(address, "warm", seen).ask("warm", "POST", "/api/v1/complete", first)
        for _ in range(options.rounds):
            waiting, answers = list(pieces), list[int]()
            threads = [
                threading.Thread(target=ask_pieces, args=(address, waiting, answers, seen))
                for _ in range(options.clients)
            ]
            began = time.perf_counter()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            through = max(through, len(ids) / (time.perf_counter() - began))
            found = sum(answers)
    times = seen.took["complete"]
    return {
        "products": len(ids),
        "library_products_per_second": round(best, 1),
        "http_products_per_second": round(through, 1),
        "share": round(through / best, 3),
        "proposals": [count, found],
        "refused": dict(seen.refused),
        "p50_ms": round(1000 * float(np.percentile(times, 50)), 1),
        "p99_ms": round(1000 * float(np.percentile(times, 99)), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Reviewers and completion through HTTP.")
    parser.add_argument("--products", type=int, default=20_000)
    parser.add_argument("--reviewers", type=int, default=20)
    parser.add_argument("--decisions", type=int, default=50, help="of each")
    parser.add_argument(
        "--db", help="an empty one, or the graph of `serve_browse`; by default a fresh SQLite file"
    )
    parser.add_argument("--complete", type=Path, metavar="ARTIFACT")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--together", type=int, default=64, help="products in a request")
    parser.add_argument("--rounds", type=int, default=2)
    add_out(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        db = options.db or f"sqlite:///{Path(folder, 'graph.db')}"
        measure = load if options.complete is None else completing
        tell(measure(options, db), options.out)


if __name__ == "__main__":
    main()
