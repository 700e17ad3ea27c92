"""One answer in several formats, one file each.

The package itself imports nothing, so that a command line can name the formats without
loading what writes them.
"""
