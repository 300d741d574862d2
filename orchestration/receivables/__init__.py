"""What is open: which invoices, letters about them, direct debits."""
