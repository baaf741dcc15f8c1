"""The verbs, a module each. Not done here: listing them (table.py)."""
