"""What of an agent survives it: facts are written before anything follows from them, and read by the run after it.

=============  =========================================================================
facts          what must survive
records        facts as records, and records as the state an agent recovers from
store          where they are kept: one SQLite file in the work directory
ballast        room for the last ones on a full disk
former         what a former run has left, from its file to that state
recovery       what a restarted agent believes of it
compatibility  whether an agent with other settings is the same one
=============  =========================================================================
"""
