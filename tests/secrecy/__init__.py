"""What the run itself tells: no secret may be in any of it."""
