"""One command a file. What is imported at the top must be quick: ``umbel --help`` reads all of them."""
