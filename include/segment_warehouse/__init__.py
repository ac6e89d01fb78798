"""Calls from the tables that Segment's own warehouse destination loaded."""
