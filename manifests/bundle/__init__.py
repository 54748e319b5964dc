"""How a bundle's bytes lie and are read: layout, forms, chunks, digests."""
