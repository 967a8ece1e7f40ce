"""What a run is exported as: a module for every kind of files, each from `RunRecord` to bytes."""
