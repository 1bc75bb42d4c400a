"""What an operator deploys: one folder, one process."""
