"""Placeholder."""
from flask import Blueprint
docs = Blueprint("docs", __name__)
