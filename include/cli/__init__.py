"""The command line, `python -m include.cli`: one file a group of commands.

The Makefile calls it.
"""
