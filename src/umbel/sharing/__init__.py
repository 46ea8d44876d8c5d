"""How tasks share: architectures, heads, and the model that holds them."""
