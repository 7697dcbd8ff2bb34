"""The master: a core that decides (state, calls, allocator) and the shell around it (http, views).

``core.Master`` is the core; ``state.State`` what it remembers; ``calls/`` the handlers, by noun; ``validation/`` why
something is refused; ``registry`` what survives; ``changes`` and ``events`` what it tells and hears.
"""
