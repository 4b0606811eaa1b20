"""docker-compose.yml, up and running: `make test-compose` only, which needs root and Docker."""
