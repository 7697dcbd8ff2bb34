"""HTTP as master and agent both speak it: server, routing, negotiation, streams, and the endpoints they share.

Layers inside, each usable without the next: ``server`` (connections and their bounds, on aiohttp's low-level server),
``router`` (longest registered prefix wins), ``app`` (the order of refusals), and the endpoints every Mesos process has
(``files``, ``system``, ``metrics``, ``auth``). Nothing here knows a master or an agent.
"""
