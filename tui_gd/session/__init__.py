"""A driven run: its options, settings, commands, runner, snapshots and reports."""
