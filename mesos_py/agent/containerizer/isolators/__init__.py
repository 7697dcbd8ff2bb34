"""Isolators that only look at what a container asks for: each adds its part, or says what is wrong with it. Pure."""
