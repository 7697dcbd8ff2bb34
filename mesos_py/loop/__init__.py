"""Care for the event loop: who takes turns on it, what stops it, and how long it was ever stopped."""
