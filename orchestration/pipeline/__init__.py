"""The stages of a run, and when they run. The only room that knows Dagster."""
