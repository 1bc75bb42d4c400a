"""How well the stories are told apart: labelled streams replayed through the real core, scored, beside other systems.

Nothing imports this package; it imports the services as they are, and ships with `pip install 'newsloom[evaluation]'`.
"""
