"""Views: a value in; a table, a figure, a page or a file out.

A view computes nothing that a metric could say, so that everything it shows can be drawn
again from a saved run.
"""
