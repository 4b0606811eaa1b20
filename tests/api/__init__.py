"""The API over HTTP, in this process, against real stores."""
