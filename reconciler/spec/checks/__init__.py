"""Checks across the documents of a fleet: one file a subject, each a generator of problems over a `Draft`."""
