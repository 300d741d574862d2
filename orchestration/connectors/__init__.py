"""What fetches from elsewhere what then lands as any other file: each writes files of a feed, and touches nothing else."""
