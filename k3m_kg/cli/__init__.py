"""The command line: one small file per command; each parses, calls and prints.

Here: options, progress bars, tables on a terminal, exit codes. Not here: anything that a program
which imports k3m_kg would want to call.
"""
