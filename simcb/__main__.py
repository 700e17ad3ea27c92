"""`python -m simcb` is the `simcb` command."""

from simcb.cli import main

if __name__ == "__main__":
    main()
