"""What the master shows of its state: pure functions of it, as wire messages (v1) and as the legacy JSON.

``values`` and ``json`` hold the shapes all share; then one module per noun. Long answers are iterators of pieces, so
that a shell can send them in slices: membership is that of the moment of asking, each element is whole, but elements
late in a long answer may be newer than early ones. Nothing here waits or changes anything but caches of encodings.
"""
