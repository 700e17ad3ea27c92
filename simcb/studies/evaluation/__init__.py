"""What sweeps and tunes share: settings whose cells are run by workers, kept, and counted."""
