"""How a step takes the tasks' gradients and leaves the balanced ones in the parameters."""
