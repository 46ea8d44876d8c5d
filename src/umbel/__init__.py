"""Multi-task learning for PyTorch."""
