"""Evaluation of the story engine: labelled streams are replayed through the real core, scored, and compared with other systems.

The modules in this folder are programs; the folders are their library. Nothing else imports this package. It imports the services
as they are, and ships with `pip install 'newsloom[evaluation]'`.
"""
