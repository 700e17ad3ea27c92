"""Views of a tune: the winner first, then how far it can be moved, then whom it beats."""
