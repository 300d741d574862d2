"""WHO looks: the pages that partners read. What is drawn stands in ``dashboard.py`` and ``screens/``; the rest computes without Streamlit's
widgets."""
