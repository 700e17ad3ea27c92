"""A result as a directory of files, and back.

Whether files can be written is checked before a run (`outputs`), because a run may take
minutes; they are written into a temporary directory beside the wanted one and put in its
place in one step (`writing`), and read back from there (`reading`). Names inside a scenario
never choose a path. The package itself imports nothing, so that writing a small text file
does not load a simulator.
"""
