"""The open Planhat ⇄ Segment integration; what runs without Airflow."""

# Of what runs: `make version`, /health, the page's foot and every message say it. CHANGELOG.md says
# what is in it.
__version__ = "0.9.0"
