"""Derives the seeds, and the analyst's table, from packages and models; in development only."""
