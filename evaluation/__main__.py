"""`python -m evaluation`: the same as `newsloom evaluate`."""

from evaluation.evaluate import command, run_alone

if __name__ == "__main__":
    run_alone(command)
