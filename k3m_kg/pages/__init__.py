"""Pages for people: one HTML file each, with its plots and pictures inside.

What every page is made of lives here, and how a plot looks. What a page says lives where its
figures come from.
"""
