"""The pictures of a catalog: found, looked into, unpacked, stored.

Here: finding a picture by what a catalog writes, archives, the content store and its index, the
check whether a file decodes; `fetch/` asks the network. Not here: tensors, thumbnails.
"""
