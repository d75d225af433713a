"""Catalog formats: from the bytes of a source to product records with the line of each.

Here: choosing a format, the mapping file, cells; one file or folder per format. Not here: pictures
(`pictures`), the graph.
"""
