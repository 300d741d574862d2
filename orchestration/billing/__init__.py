"""Drafts become invoices: approving, crediting, closing, and what is final from then on."""
