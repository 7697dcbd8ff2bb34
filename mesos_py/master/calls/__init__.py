"""Handlers of everything that reaches the master core, by noun; merged by ``core``."""
