"""What a network does at inference, written to files that run without this package."""
