"""What all cores share: frames, tables, timers, problems, the journal, and the driver that runs a core.

::

    bytes -> codec -> Event -> core.apply(event, now) -> Frame -> driver: 1 commit frame.writes
                               pure, synchronous,                         2 perform frame.sends and replies
                               mutates its own state,                     3 publish frame.changes
                               never waits, never fails

A core changes its memory at once; the driver withholds every word until the writes before it are durable
("output commit"), so from outside a run is indistinguishable from one in which writing took no time.
"""
