"""What a restored database needs before any process may work with it."""

from core.recovery.restored_data import RestoredData, prepare_restored_data

__all__ = ["RestoredData", "prepare_restored_data"]
