"""What stands before every page: hosts, roles, sessions, sizes, headers."""
