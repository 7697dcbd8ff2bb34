"""What an agent does about each kind of event, one module per noun."""
