"""Conditions of rules: the language, the facts it may use, and programs made of it. Knows no comment and no verdict."""
