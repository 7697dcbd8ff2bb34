"""What people see: JSON of the core, made when somebody asks. Pure."""
