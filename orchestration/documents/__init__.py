"""What a customer gets on paper: one invoice's rows in, PDF, UBL and CSV out; letters and SEPA files.

Pure functions and templates: frozen dataclasses in, bytes out. No database, no state, no clock; the same data give the same bytes.
Only ``rendering`` writes files.
"""
