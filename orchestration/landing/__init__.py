"""What arrives: every feed as it is declared, and the way of its files into raw rows and the ledger.

feeds      what a feed is, read from the one declaration in dbt_project
arrivals   which files lie in landing/
scan       one streaming look at a file's bytes: fingerprint, encoding, lines, faults
layout     what the columns of a file are, from its header or its place
records    the careful reading: record by record, each with its line or the reason why not
loading    files -> raw rows, rejected lines and ledger, in one transaction
ingest     all of it, for whatever is new
"""
