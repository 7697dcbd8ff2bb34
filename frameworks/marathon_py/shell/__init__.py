"""Marathon as a program: on the SDK, with REST and events, one leader and its standbys.

=================  ==================================================================================
serve, ends        the process put together, and how it ends; ``given``, ``flags/``: what it was told
program, prober    the core behind a session, and the probes that it asks for
kept, backup       what is kept, looked at by whoever takes over
front, access      the door: who is let in, and who answers
relay, tls         requests handed to the leader; HTTPS
process            what REST asks of the process that leads
api/               REST, server-sent events, OpenAPI
plugins/           what an operator adds
metrics/           what is counted, and how it is shown
client, waiting    what programs speak to it with
cli/               ``marathon-py``
=================  ==================================================================================
"""
