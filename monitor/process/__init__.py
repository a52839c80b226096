"""Threads, files and signs of life of a process: what every room may use.

Nothing here knows what the product is for.
"""
