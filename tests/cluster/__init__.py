"""A real Kubernetes on this machine, and Knote on it: `make test-cluster`, which needs root."""
