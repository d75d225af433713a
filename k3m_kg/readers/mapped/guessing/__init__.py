"""A mapping guessed from a file, for who has none.

Here: which column is the id, which are pairs, what cells hold, names that are usual in exports.
Not here: what a mapping means, once there is one.
"""
