"""The way of catalog sources into the graph: plan, read, find pictures, write, count.

Here: the pipeline, reading ahead in a second process, the quarantine file. Not here: formats
(`readers`), where pictures are (`pictures`), tables (`graph`).
"""
