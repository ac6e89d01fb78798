"""Measurements, each beside its ceiling in the same run; `make bench` calls them."""
