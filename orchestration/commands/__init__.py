"""Groups of verbs that belong together, a module each; ``orchestration.cli`` puts them all on one command line."""
