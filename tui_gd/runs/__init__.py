"""What lasts on disk: the run store, locks, resume, share lines, exports."""
