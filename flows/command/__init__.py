"""The commands in three groups, as `token-audit --help` shows them: audit, read and set up."""
