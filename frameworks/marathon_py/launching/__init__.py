"""From an offer to a task: what an instance needs, who goes first, and what its tasks are told."""
