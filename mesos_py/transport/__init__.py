"""The wire between master and agents: one persistent connection, opened by the agent, batched both ways."""
