"""Export: parameters on their way to the engines that people use."""
