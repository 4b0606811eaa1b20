"""Users: accounts, their names and their passwords."""
