"""The command line: it parses, calls and prints.

Here: `commands/` with a file each, and what they share: progress bars, outputs, exit codes. Not
here: anything that a program which imports k3m_kg would want to call.
"""
