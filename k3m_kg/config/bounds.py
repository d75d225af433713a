"""The largest sizes that settings take: beyond any use, within what native code can count.

A slip such as `threads: 1e30` is then one message, not an error of torch after minutes.
"""

MAX_THREADS = 4096
MAX_EPOCHS = 1_000_000
MAX_MINUTES = 1_000_000
MAX_BATCH = 1 << 24
"""Items in one step."""
MAX_WIDTH = 1 << 16
"""Of a vector."""
MAX_TRIPLES = 1 << 16
"""Of one product."""
MAX_COUNT = 1 << 40
"""Of anything else that is counted."""
