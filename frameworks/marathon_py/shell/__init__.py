"""Marathon as a program: on the SDK, with REST and events, one leader and its standbys."""
