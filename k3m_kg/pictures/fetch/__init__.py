"""Pictures that a catalog names by URL: asked for politely, from public addresses only.

Nothing in here runs unless the user passed a flag.
"""
