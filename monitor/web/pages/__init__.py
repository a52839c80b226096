"""The pages that people read: rendered here, kept up to date by a small script."""
