"""The Dagster objects, one file per stage; what they do stands beside this package."""
