"""Pictures: what is kept of an upload, where, and how it is served."""
