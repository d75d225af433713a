"""The plugin system: the hooks, the typed records that they return, and the registry.

Here: what can be plugged in, and finding it. Not here: what the records build (`contracts`), and no
torch: listing plugins stays cheap.
"""
