"""What the Snakefile does in the process that plans a run, before and while its jobs run."""
