"""WHEN it runs and what arrived: command line, landing, warehouse, publishing and the Dagster objects that drive them."""
