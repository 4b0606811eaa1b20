"""A replica set of three that elects another primary."""
