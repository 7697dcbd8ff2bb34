"""HTTP/1.1 as master and agent both speak it: server, routing, negotiation, streams, and the endpoints they share.

Layers inside, each usable without the next: ``http1`` (bytes -> requests, no sockets), ``server`` (connections),
``router`` (longest registered prefix wins), and the endpoints every Mesos process has (``files``, ``system``,
``metrics``, ``auth``). Nothing here knows a master or an agent.

Why not a web framework's server: a scheduler acknowledges thousands of updates a second, each event must be one HTTP
chunk, a reader that stalls must be cut off at a byte count, and a lost peer noticed at once. That is less code on the
socket than around somebody else's response objects; see docs/decisions/own-http-server.md.
"""
