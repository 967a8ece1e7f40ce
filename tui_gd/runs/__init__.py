"""What lasts on disk: the run store, who drives a run, resume, share, export."""
