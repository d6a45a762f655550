"""How commands tell what they found, for people: words, lines and tables. It prints; it asks and decides nothing."""
