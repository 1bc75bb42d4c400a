"""`newsloom embedder`."""

from services.cli.commands.service import service_command

command = service_command("embedder", does="Run the embedder: articles in, article-vectors out.")
