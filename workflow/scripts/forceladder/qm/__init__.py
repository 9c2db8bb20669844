"""QM: tasks, engines, the cache of results, and verdicts on them."""
