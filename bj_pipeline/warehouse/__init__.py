"""The warehouse: every table of every issue, in SQLite by default or in PostgreSQL by one URL."""
