"""How each kind of fault is done and undone, by what it is done to; the table is in ``faults.py``."""
