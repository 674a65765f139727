"""The model of `platform.yaml`: one file per noun; its attribute docstrings are the documentation of the keys."""
