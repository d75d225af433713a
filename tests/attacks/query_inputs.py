"""SPARQL and SHACL that take time, memory or stack: cartesian, growing, nested, and broken."""

from __future__ import annotations

import random

_PREFIXES = """
@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix schema: <https://schema.org/> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> . @prefix x: <http://x/> .
"""
_TOKENS = [
    "{",
    "}",
    "(",
    ")",
    "DISTINCT",
    "*",
    "/",
    "|",
    "\\",
    '"',
    "'''",
    "<",
    "?",
    "\0",
    "é",
    "^",
]


def _product(rng: random.Random, most: int = 5) -> str:
    return " ".join(f"?s{n} ?p{n} ?o{n} ." for n in range(rng.randrange(2, most)))


def _nested(rng: random.Random) -> str:
    depth = int(10 ** rng.uniform(1, 4.5))
    opener, closer, core = rng.choice(
        [("{", "}", ""), ("FILTER(", ")", "1"), ("OPTIONAL {", "}", ""), ("MINUS {", "}", ""),
         ("FILTER NOT EXISTS {", "}", "?s ?p ?o"), ("{ SELECT * {", "}}", "?s ?p ?o")]
    )  # fmt: skip
    if opener == "FILTER(":
        return "FILTER(" + "(" * depth + core + ")" * depth + ")"
    return opener * depth + core + closer * depth


def _growing(rng: random.Random) -> str:
    """An expression that makes a text from a text, again and again."""
    text = '"aaaaaaaaaaaaaaaa"'
    for _ in range(rng.randrange(1, 9)):
        text = rng.choice(
            ['REPLACE({}, "a", "aaaaaaaaaaaaaaaa")', "CONCAT({0}, {0})", 'REPLACE({}, "", "b")']
        ).format(text)
    return text


def query_attack(number: int) -> str:
    """A query, always the same for a number."""
    rng = random.Random(number)
    kind = rng.randrange(9)
    if kind == 0:
        found = f"SELECT DISTINCT * {{ {_product(rng)} }} ORDER BY ?o0 ?o1"
    elif kind == 1:
        found = f"SELECT (GROUP_CONCAT(?o0) AS ?all) (COUNT(*) AS ?n) {{ {_product(rng)} }}"
    elif kind == 2:
        found = f"SELECT ({_growing(rng)} AS ?x) {{ {_product(rng, 3)} }}"
    elif kind == 3:
        found = f"ASK {{ {_nested(rng)} }}"
    elif kind == 4:
        path = rng.choice(
            ["(!<http://x/p>)*", "(^!<http://x/p>|!<http://x/p>)+", "!(<a:a>|^<a:b>)"]
        )
        found = f"SELECT * {{ ?a {path} ?b . ?b {path} ?c . ?c {path} ?d }}"
    elif kind == 5:
        found = f"CONSTRUCT {{ ?s0 ?p1 ?o1 . ?s1 ?p0 ?o0 }} {{ {_product(rng, 4)} }}"
    elif kind == 6:
        pattern = rng.choice(["(a+)+$", "(a|a)*b", "(.*)(.*)(.*)x", "a{1,1000}{1,1000}", "(" * 500])
        found = f'SELECT * {{ ?s ?p ?o FILTER REGEX({_growing(rng)}, "{pattern}") }}'
    elif kind == 7:
        values = " ".join(f'"{rng.random()}"' for _ in range(rng.randrange(1, 20_000)))
        found = f"SELECT * {{ VALUES ?a {{ {values} }} VALUES ?b {{ {values} }} }} ORDER BY ?b"
    else:
        binds = " ".join(f"BIND(CONCAT(?v{n}, ?v{n}) AS ?v{n + 1})" for n in range(40))
        found = f'SELECT ?v{rng.randrange(41)} {{ BIND("aa" AS ?v0) {binds} }}'
    for _ in range(rng.choice([0, 0, 1, 3])):
        place = rng.randrange(len(found))
        found = found[:place] + rng.choice(_TOKENS) + found[place + rng.choice([0, 1]) :]
    return found


def shapes_attack(number: int) -> str:
    """A file of shapes in Turtle, always the same for a number."""
    rng = random.Random(number)
    kind = rng.randrange(7)
    if kind == 0:
        depth = int(10 ** rng.uniform(0, 4))
        body = "sh:not [ " * depth + "sh:class schema:Product" + " ]" * depth
    elif kind == 1:
        text = f"SELECT $this {{ $this a schema:Product . {_product(rng)} }} ORDER BY ?o0"
        body = f'sh:sparql [ sh:select """PREFIX schema: <https://schema.org/> {text}""" ]'
    elif kind == 2:
        text = f"CONSTRUCT {{ $this ?p0 ?o1 . ?s1 ?p0 ?o0 }} WHERE {{ {_product(rng, 4)} }}"
        body = f'sh:rule [ a sh:SPARQLRule ; sh:construct """{text}""" ]'
    elif kind == 3:
        pattern = rng.choice(["^(t+)+$", "(t|t)*x", "(" * 200, "t{1,9999}{1,9999}"])
        body = f'sh:property [ sh:path schema:name ; sh:pattern "{pattern}" ]'
    elif kind == 4:
        count = int(10 ** rng.uniform(0, 4))
        body = "sh:in ( " + " ".join(f"x:v{n}" for n in range(count)) + " )"
    elif kind == 5:
        depth = int(10 ** rng.uniform(0, 3))
        path = "[ sh:inversePath " * depth + "schema:name" + " ]" * depth
        body = f"sh:property [ sh:path {path} ; sh:minCount {rng.choice(['1', '-1', '1e400'])} ]"
    else:
        body = "sh:node x:a . x:a sh:node x:b . x:b sh:node x:a ; sh:or ( x:a x:b )"
    found = f"x:shape a sh:NodeShape ; sh:targetClass schema:Product ; {body} ."
    for _ in range(rng.choice([0, 0, 0, 2])):
        place = rng.randrange(len(found))
        found = found[:place] + rng.choice(_TOKENS) + found[place:]
    return _PREFIXES + found
