"""Web, API and object store together, as a deployment puts them."""
