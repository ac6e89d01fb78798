"""An edited model or a changed setting, tried beside the truth: what would differ, and for whom."""
