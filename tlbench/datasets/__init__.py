"""From a data set to a table of radiographs: cards that describe, readers that read."""
