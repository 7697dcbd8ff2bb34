"""What the batch framework's core meets the world with: a scheduler, REST, a client, a command line."""
