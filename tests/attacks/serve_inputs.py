"""Requests that no browser and no program of good will would send; by number."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from .mutations import change_bytes, change_json

BOUNDARY = b"b"
_ODD = (
    "", "0", "1", "-1", "2", "9" * 5_000, str(2**63), str(-(2**63) - 1), "1e400", "nan", "true",
    "A-1", "../A/5?x=1&y#z", "\0", "a\0b", "\x1b[31m", "\u202e", "é", "红色", "\ud800", "a" * 3_000,
    "a" * 200_000, "%", "%00", "%ff", "' OR 1=1 --", '"', "\\", "*", '"a" NEAR "b"', "a OR (b",
    "^a", "-a", "colour", "size", "M", "colour=red", "=", "colour=", "a%3Db=c", "..", "/etc/passwd",
    "//x", "http://x/", "javascript:1", "<script>", "{{7*7}}", "title", "image", "triples",
    "proposal", "uncertainty", "accept", "reject", "None", "null", "[]", "{}", " ", "\r\nX: y",
    "SELECT * { ?s ?p ?o }", "ASK {", "INSERT DATA { <a:a> <a:a> <a:a> }", "1", "1", "3",
)  # fmt: skip
_NAMES = (
    "q", "f", "lacks", "without", "category", "source", "facet", "page", "id", "name", "property",
    "value", "kind", "order", "again", "blind", "to", "token", "csrf", "query", "limit", "number",
    "reviewer", "item", "items", "answer", "depth", "image", "product", "picture", "position",
    "after", "before", "count", "having", "run", "size", "format", "", "\0",
)  # fmt: skip
_BODIES = (
    {"items": [1], "answer": "accept", "value": None, "blind": False},
    {"count": 1, "having": [], "order": "uncertainty", "property": "", "kind": None},
    {"products": ["A-1"], "property": "colour", "limit": 3},
    {"products": [{"id": "x", "title": "y", "triples": [["colour", "red"]]}]},
    {"query": "ASK {}"},
)
_KINDS = (
    b"application/json", b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=b",
    b"multipart/form-data", b"multipart/form-data; boundary=" + b"b" * 300, b"text/plain", b"",
    b"application/sparql-query", b"application/sparql-update", b"image/png", b"application/json;;=",
    b"application/json; charset=utf-7", b"application/json; charset=nope", b"\xff",
)  # fmt: skip
_HEADERS: dict[bytes, Sequence[bytes]] = {
    b"host": (b"127.0.0.1:8765", b"", b"[::1", b"localhost:99999", b"evil.example", b"\xff",
              b"a" * 9_000),
    b"accept": (b"text/html", b"application/json", b"application/n-triples", b"*/*;q=nan",
                b"," * 9_000, b"\xff"),
    b"authorization": (b"Bearer x", b"Bearer", b"Basic Og==", b"\xff\xfe",
                       b"Bearer " + b"y" * 9_000),
    b"origin": (b"null", b"http://evil.example", b"http://[", b"http://127.0.0.1:8765", b"\xff",
                b"://:"),
    b"sec-fetch-site": (b"cross-site", b"none", b"same-origin", b"\xff"),
    b"cookie": (b"a", b"k3m_kg_session=x.y", b"k3m_kg_session=\xff",
                b"k3m_kg_session=" + b"z" * 9_000, b"=;=;\x00"),
    b"content-length": (b"-1", b"9" * 5_000, b"\xb2", b"x", b"99999999999", b"0"),
    b"if-none-match": (b"*", b"W/\"", b"\xff"),
    b"if-modified-since": (b"x", b"Thu, 99"),
    b"range": (b"bytes=0-", b"bytes=-1", b"bytes=9-1,2-3", b"lines=" + b"9" * 99),
    b"x-csrf-token": (b"\xff", b"x"),
    b"x-k3m-name": (b"\xff\x00", b"n" * 9_000),
    b"x-forwarded-for": (b"1.2.3.4",),
    b"hx-request": (b"true", b"\xff"),
    b"accept-language": (b"de, en;q=zz", b"x" * 9_000),
}  # fmt: skip


@dataclass(slots=True)
class Asked:
    """A request, as a server hands it to an application."""

    method: str
    path: str
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: list[bytes] = field(default_factory=list)


def _text(rng: random.Random) -> str:
    return rng.choice(_ODD)


def _quoted(text: str, rng: random.Random) -> str:
    if rng.random() < 0.05:
        return text.encode("utf-8", "replace").decode("latin-1")
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def _pairs(rng: random.Random, form: Mapping[str, str]) -> bytes:
    pairs = list(form.items())
    many = rng.choice((0, 1, 2, 3, 6, 30, 30_000 if rng.random() < 0.01 else 3))
    pairs += [(rng.choice(_NAMES), _text(rng)) for _ in range(min(many, 50))]
    text = rng.choice(("&", "&", "&", ";")).join(
        f"{_quoted(name, rng)}={_quoted(value, rng)}" for name, value in pairs
    )
    return (text + "&a=b" * (many - 50)).encode("latin-1", "replace")


def _multipart(rng: random.Random, form: Mapping[str, str]) -> bytes:
    pairs = [*form.items(), *((rng.choice(_NAMES), _text(rng)) for _ in range(rng.randrange(6)))]
    many = 1 if rng.random() < 0.95 else 300
    parts = b""
    for name, value in pairs * many:
        head = b'Content-Disposition: form-data; name="' + name.encode() + b'"'
        if rng.random() < 0.2:
            head += b'; filename="' + _text(rng)[:99].encode("utf-8", "replace") + b'"'
        if rng.random() < 0.1:
            head += b"\r\nContent-Type: " + rng.choice(_KINDS)
        if rng.random() < 0.02:
            head = b"X: " + b"y" * 20_000
        parts += (
            b"--b\r\n" + head + b"\r\n\r\n" + value[:9_000].encode("utf-8", "replace") + b"\r\n"
        )
    return parts + b"--b--\r\n"


def asked(
    number: int, routes: Sequence[tuple[str, Sequence[str]]], cookie: bytes, mark: str
) -> Asked:
    """A request, most of them of somebody who is logged in and has the mark of a form.

    Args:
        routes: paths, with parameters in braces, and their methods.
        cookie: of a session.
        mark: of its forms.
    """
    rng = random.Random(number)
    path, methods = rng.choice(routes)
    while "{" in path:
        before, _, rest = path.partition("{")
        path = before + _text(rng)[:5_000].replace("{", "") + rest.partition("}")[2]
    if rng.random() < 0.1:
        path += rng.choice(("/", "/..", "//", "/x", "\0", "%2e", "é" * 2_000))
    odd = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "PATCH", "x", "")
    method = rng.choice(list(methods)) if rng.random() < 0.9 else rng.choice(odd)
    headers = {b"host": b"127.0.0.1:8765", b"accept": b"text/html"}
    form = {}
    if rng.random() < 0.9:
        headers[b"cookie"] = cookie
        if rng.random() < 0.5:
            headers[b"x-csrf-token"] = mark.encode()
        else:
            form["csrf"] = mark
    query = _pairs(rng, {}) if method == "GET" or rng.random() < 0.2 else b""
    body = b""
    if method != "GET":
        kind = rng.randrange(4)
        if kind < 2:
            headers[b"content-type"] = b"application/json"
            body = change_json(json.dumps(rng.choice(_BODIES)).encode(), rng)
        elif kind == 2:
            headers[b"content-type"] = b"application/x-www-form-urlencoded"
            body = _pairs(rng, form)
        else:
            headers[b"content-type"] = b"multipart/form-data; boundary=b"
            body = _multipart(rng, form)
        if rng.random() < 0.15:
            headers[b"content-type"] = rng.choice(_KINDS)
        if rng.random() < 0.15:
            body = change_bytes(body, rng)
        if rng.random() < 0.01:
            body += b" " * (2 << 20)
    given = list(headers.items())
    for _ in range(rng.choice((0, 0, 0, 1, 1, 3))):
        name = rng.choice(list(_HEADERS))
        if rng.random() < 0.8:
            given = [pair for pair in given if pair[0] != name]
        given.append((name, rng.choice(_HEADERS[name])))
    cut = rng.randrange(len(body) + 1)
    parts = [body] if rng.random() < 0.7 else [body[:cut], b"", body[cut:]]
    path = path.encode("utf-8", "replace").decode()  # as a server reads it
    return Asked(method, path, query, given, parts)
