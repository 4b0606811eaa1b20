"""What Knote is measured against: the same parts, and nothing around them."""
