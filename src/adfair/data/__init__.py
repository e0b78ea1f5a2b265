"""Cohorts: schema, manifest, images, text, splits, readers of real data sets and synthetic ones."""
