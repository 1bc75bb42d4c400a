"""`newsloom model`: prepare the model for faster backends."""

from __future__ import annotations

from importlib.resources import as_file, files

import click

from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError
from services.cli.commands import needs_extra
from services.cli.commands.calibrate import read_texts
from services.cli.commands.ingest import InputError
from services.cli.views.formatting import console, print_table, table
from services.ingest.article_parser import ParseOptions
from services.ingest.lines import UnreadableInput


@click.command(name="export")
@click.argument("file", metavar="[FILE]", required=False)
@click.pass_obj
def export(settings: Settings, file: str | None) -> None:
    """Export the model for ONNX Runtime and OpenVINO, once.

    Writes the model that NEWSLOOM_MODEL names, in 32-bit floats and with 8-bit weights, to the folder of exported models
    (NEWSLOOM_MODEL_CACHE), and compares each backend that this machine can run with torch: on the articles of FILE, as `newsloom
    ingest` reads them, or of the bundled sample. A backend whose vectors do not agree with torch's is not used. Start the
    embedders again afterwards: with NEWSLOOM_BACKEND=auto they take the fastest backend of the export.

    \b
    Examples:
      newsloom model export
      NEWSLOOM_MODEL=intfloat/multilingual-e5-small newsloom model export my-articles.jsonl.gz
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    with needs_extra("model export", "onnx"):
        from services.embedder.backends import BACKENDS, choose_backend  # noqa: PLC0415
        from services.embedder.exports.export import export_model  # noqa: PLC0415
        from services.embedder.exports.manifest import export_folder  # noqa: PLC0415
        from services.embedder.model_files import find_model  # noqa: PLC0415

    texts = _texts(file)
    folder = export_folder(settings.model, settings.model_cache)
    try:
        manifest = export_model(find_model(settings.model), folder, texts, lambda line: click.echo(line, err=True))
    except OSError as error:
        raise ConfigurationError(f"NEWSLOOM_MODEL_CACHE: cannot write {folder}: {error.strerror}") from error
    rows = table("backend", "lowest cosine", "mean cosine", "agrees with torch")
    for name, agreement in manifest.agreements.items():
        required = BACKENDS[name].required
        verdict = "yes" if agreement.meets(required) else f"no, needs {required.cosine_min}, {required.cosine_mean}"
        rows.add_row(name, f"{agreement.cosine_min:.4f}", f"{agreement.cosine_mean:.4f}", verdict)
    print_table(console(), rows)
    chosen = choose_backend(settings.model, cache=settings.model_cache).name
    click.echo(f"{len(texts):,} texts compared; NEWSLOOM_BACKEND=auto is {chosen} on this machine")


def _texts(file: str | None) -> list[str]:
    """Return titles and passages of the articles; raise `InputError` if the file cannot be read or has none."""
    try:
        if file is None:
            with as_file(files("services.local").joinpath("sample", "articles.jsonl")) as sample:
                prepared = list(read_texts(str(sample), ParseOptions()))
        else:
            prepared = list(read_texts(file, ParseOptions()))
    except UnreadableInput as error:
        raise InputError(str(error)) from error
    texts = [text for one in prepared for text in dict.fromkeys((one.title, one.passage)) if text]
    if not texts:
        raise InputError(f"{file} contains no article with text")
    return texts


@click.group(name="model")
def command() -> None:
    """Prepare the model for faster backends."""


command.add_command(export)
