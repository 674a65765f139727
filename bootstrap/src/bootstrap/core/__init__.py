"""What every component is built on: observe, diff, apply, verify, on a real API server. `component.py` says how to write one."""
