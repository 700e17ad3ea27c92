"""Models of breakers that live in other languages, under their own parameters' names.

They are written here from their projects' documentation and sources, and are not those projects:
each file says which behaviour it has, and what it leaves out. What differs from the shipped
breaker is mostly what a late result does, and whether a limit is reached or has to be passed.
"""
