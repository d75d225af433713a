"""Work on what others wrote, in a process of its own with limits of time and memory.

Here live the limits, starting and ending such a process, and what it does first. What it works on
(a query, shapes, a catalog) lives where that is known: `k3m_kg.rdf`, `k3m_kg.ingest`.
"""
