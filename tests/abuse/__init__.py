"""Clients by the thousand that take all and give nothing, and bodies without end."""
