"""What reached a core, kept on disk: for replaying a run exactly, and for the story of one task, agent or framework.

::

    event, now ─▶ core.apply ─▶ frame                     DIR/master-20240501T120000Z-4711/   one run of one program
        │                         │                           000000.snapshot              the core as it was made
        ▼                         ▼                           000000.events                every event, and the
    heard() ──── one record ── answered()  ─▶ thread ─▶       000001.snapshot              digest of its frame
    recorder.py                               writer.py       000001.events

A core's frames follow from what the core was and from the events and their times, so a snapshot (``graph.py``) and
the events after it (``events.py``) are everything. The recorder is bounded: when a segment of events is full, the next
one begins, a forked child writes the snapshot it starts with (``snapshot.py``), and the oldest segments go. It never
makes the loop wait for a disk: if that is too slow or full, the journal has a gap and starts again with a snapshot.

``replay.py`` makes the core again as it was at any event, and says at which event a replay first differs from the run;
so a journal is a test, too::

    for run in find_runs(Path("journal-of-a-bug-report")):
        assert check(run).different is None

``story.py`` tells what happened to one entity, across the journals of a master and its agents, with causes. Reading a
journal runs no code of its writer's: it names classes of cores (``classes.py``) and holds values, nothing else.
"""
