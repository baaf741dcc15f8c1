"""A long life of the daemon: random pushes, kills and hand edits for hundreds of passes; `python -m tests.soak`."""
