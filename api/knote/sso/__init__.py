"""Single sign-on: accounts elsewhere, at an OpenID Connect provider, that sign in to accounts here."""
