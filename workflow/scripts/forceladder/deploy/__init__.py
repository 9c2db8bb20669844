"""A release in the hands of its user: any molecule in, parameters for any engine out."""
