"""`moderation`: the comment desk of a news site or a blog. Only the version lives here."""

__version__ = "0.1.0"
