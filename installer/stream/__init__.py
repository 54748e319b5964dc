"""The stream of events of a run: its stages and their law, its threads, its pace, its sinks."""
