"""Instagram: its data in `platform.py`, its calls in `adapter.py`."""
