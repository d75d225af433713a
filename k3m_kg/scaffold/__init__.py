"""A plugin package in one command: `k3m-kg plugins new NAME --kind KIND`.

Here: the templates, a kind's folder each, and what a name must be. Not here: contracts, and what a
plugin does once it is installed.
"""
