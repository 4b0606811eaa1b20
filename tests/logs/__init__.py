"""What real processes say of what passes through them."""
