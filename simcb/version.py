"""The version of simcb, apart from the package's window so that any room may say it."""

__version__ = "0.2.0"
