"""The doors: command line, configuration files, run folders, the report."""
