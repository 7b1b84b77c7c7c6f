"""Formats of own data, recognized by their content: each turns a file into records of the own-data schema."""
