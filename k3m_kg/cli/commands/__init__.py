"""One file per command: its options, what it calls, what it prints; by what they are about."""
