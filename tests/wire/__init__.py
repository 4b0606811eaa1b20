"""What only a real process and real sockets show."""
