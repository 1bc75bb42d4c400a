"""`python -m evaluation`: the same as `newsloom evaluate`."""

from evaluation.cli.program import run_program
from evaluation.evaluate import command

if __name__ == "__main__":
    run_program(command)
