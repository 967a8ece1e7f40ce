"""What a run is exported as: a module for every kind of files, each from `Exported` to bytes."""
