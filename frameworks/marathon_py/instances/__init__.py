"""Instances: one placed copy of an app or of a pod each, which keeps its id while its tasks come and go."""
