"""The cases, one module for each subject; the table of all of them is `evidence.table`."""
