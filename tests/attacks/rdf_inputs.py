"""RDF that is made to break a parser: nested, swollen, cut, and mixed."""

from __future__ import annotations

import random

_OPENERS: dict[str, list[tuple[bytes, bytes]]] = {
    "jsonld": [
        (b'{"http://x/p":', b"}"),
        (b"[", b"]"),
        (b'{"@list":[', b"]}"),
        (b'{"@graph":[', b"]}"),
        (b'{"@set":[1,', b"]}"),
        (b'{"@context":{"a":"http://x/a"},"a":', b"}"),
        (b'{"@reverse":{"http://x/r":', b"}}"),
        (b'{"@included":{"@id":"http://x/i","http://x/p":', b"}}"),
        (b'{"@type":"http://x/T","http://x/q":[{"@value":"v"},', b"]}"),
    ],
    "rdfxml": [
        (b"<x:C><x:p>", b"</x:p></x:C>"),
        (b'<r:Description r:about="http://x/s"><x:p>', b"</x:p></r:Description>"),
        (b'<x:C><x:p r:parseType="Resource">', b"</x:p></x:C>"),
        (b'<x:C><x:p r:parseType="Collection">', b"</x:p></x:C>"),
        (b'<x:C><x:p r:parseType="Literal">', b"</x:p></x:C>"),
        (b"<a>", b"</a>"),
        (b"<!-- <a> --><x:C z='/>'><x:p>", b"</x:p></x:C>"),
    ],
    "ttl": [
        (b"[ <http://x/p> ", b" ]"),
        (b"( ", b" )"),
        (b"<<( <http://x/s> <http://x/p> ", b" )>>"),
        (b"<< <http://x/s> <http://x/p> ", b" >>"),
        (b'[ <http://x/p> "a" , ', b" ]"),
        (b"<http://x/o> {| <http://x/p> ", b" |}"),
    ],
}
_OPENERS["trig"] = [*_OPENERS["ttl"], (b"{ <http://x/s> <http://x/p> ", b" }")]
_OPENERS["nt"] = _OPENERS["nq"] = _OPENERS["ttl"][2:4]
FORMS = tuple(_OPENERS)
_AROUND: dict[str, tuple[bytes, bytes]] = {
    "jsonld": (b'{"@id":"http://x/product/1","http://x/p":', b"}"),
    "rdfxml": (
        b'<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:x="http://x/">',
        b"</r:RDF>",
    ),
}
_LEAVES = {
    "jsonld": [b'"leaf"', b"1", b'{"@id":"http://x/o"}', b"null", b'"\\u0000"', b'"\\ud800"', b""],
    "rdfxml": [b"leaf", b"", b"&#0;", b"&amp;", b"<![CDATA[<a><b>]]>", b"&lol;"],
    "ttl": [b'"leaf"', b"1", b"<http://x/o>", b'"a"@en--ltr', b'"x"^^<http://x/t>', b"_:b", b""],
}
_TOKENS = [
    b'"', b"'", b"}", b'"""', b"\\", b"<<(", b")>>", b"<!--", b"]]>", b"<![CDATA[", b"{", b"[",
    b"]", b"\0", b"\xff", b"\xef\xbb\xbf", b'"@context":"http://x/c",',
    b"<!DOCTYPE x [<!ENTITY a 'b'>]>",
    b"@prefix : <http://x/> .", b"#", b"\r", b"\\uD800", b"\xf0\x9f\x8d\x83",
]  # fmt: skip


def attack(number: int) -> tuple[str, bytes]:
    """A form and a document, always the same for a number."""
    rng = random.Random(number)
    form = FORMS[number % len(FORMS)]
    before, after = _AROUND.get(form, (b"<http://x/product/1> <http://x/p> ", b" .\n"))
    leaves = _LEAVES.get(form, _LEAVES["ttl"])
    kind = rng.randrange(6)
    if kind == 0:  # a text that never ends
        # the last one takes seconds
        size, *_ = rng.choices([1 << 10, 1 << 16, 1 << 20, (1 << 24) + 1], [9, 9, 9, 1])
        quoted = form != "rdfxml"
        body = (b'"' if quoted else b"<x:C><x:p>") + rng.choice([b"a", b"\\n", b"<< "]) * (
            size // 2
        )
        body += b'"' if quoted else b"</x:p></x:C>"
        return form, before + body[: 1 << 25] + after
    if kind == 1:  # many siblings, each refers to the next
        count = rng.randrange(10, 20_000)
        opener, closer = rng.choice(_OPENERS[form])
        one = opener + rng.choice(leaves) + closer
        joint = b"," if form in ("jsonld", "ttl", "trig") else b""
        parts = joint.join([one] * min(count, (1 << 18) // len(one)))
        return form, before + (b"[" + parts + b"]" if form == "jsonld" else parts) + after
    depth = int(10 ** rng.uniform(0, 5))
    some = rng.choices(_OPENERS[form], k=rng.randrange(1, 4))
    pairs = [rng.choice(some) for _ in range(depth)] if kind > 3 else [some[0]] * depth
    body = b"".join(opener for opener, _ in pairs) + rng.choice(leaves)
    if rng.random() < 0.8:
        body += b"".join(closer for _, closer in reversed(pairs))
    content = bytearray(before + body + after)
    for _ in range(rng.choice([0, 0, 1, 3])):
        place = rng.randrange(len(content) + 1)
        content[place : place + rng.choice([0, 1, 20])] = rng.choice(_TOKENS)
    return form, bytes(content)
