"""Views of a sweep: its ranking as a table, its map as a picture, its numbers as files.

The package itself imports nothing, so that naming a format loads no plots.
"""
