"""What to practise next: expected gains, policies, prerequisites, and their honest simulation."""
