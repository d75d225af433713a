"""Changes of the graph as import files of the software that its sources came from.

`changes` says what changed since a run, `writing` has the connector of a format turn it into rows,
and writes those whole or not at all.
"""
