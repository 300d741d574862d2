"""The warehouse: DuckDB's file, what dbt builds in it, and whether its rules have changed."""

from orchestration.warehouse.connection import STORAGE_VERSION, connect, damage, settings, wait_for_leftover

__all__ = ["STORAGE_VERSION", "connect", "damage", "settings", "wait_for_leftover"]
