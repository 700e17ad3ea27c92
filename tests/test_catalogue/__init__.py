"""The shipped scenarios tell the stories that their comments promise."""
