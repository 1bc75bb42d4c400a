"""`newsloom clusterer`."""

from services.cli.commands.service import service_command

command = service_command("clusterer", does="Run the clusterer: article-vectors in, stories and their updates out.")
