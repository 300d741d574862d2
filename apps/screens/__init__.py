"""One page per module, run by ``dashboard.py`` for the ``View`` that it hands over. Not called ``pages``: Streamlit runs files in a folder
of that name by themselves for a server's first visitor, without the frame around them."""
