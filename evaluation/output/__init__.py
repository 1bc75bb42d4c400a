"""Tables, plots and results files."""
