"""What an agent says and hears over HTTP: its APIs, endpoints of old, metrics."""
