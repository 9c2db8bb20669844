"""Pictures, because people would rather look than read. Each function returns a figure."""
