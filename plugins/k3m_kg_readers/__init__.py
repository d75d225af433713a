"""Built-in readers of what the field's software exports, without any mapping file.

`builtin` registers them; a process that only reads imports the one module of the format.
"""
