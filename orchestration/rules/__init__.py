"""The SQL rules outside a run, asked on what is published."""
