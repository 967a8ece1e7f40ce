"""What can be found out about a run: verdicts, curvature, landscapes, races, starts."""
