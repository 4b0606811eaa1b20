"""The proof that nothing acknowledged is ever lost: a workload, faults, and a checker."""
