"""Planning: what is to be done, in which order, and what must not be done. Pure: documents in, a `Plan` out."""
