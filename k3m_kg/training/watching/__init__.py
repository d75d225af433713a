"""Whoever looks on while a training goes: bars, logs, loggers, speeds, profiles."""
