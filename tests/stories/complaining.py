"""What a person does at the command line with a complaint, for stories."""

QUESTIONS = "fair-use,exhaustion,authorised-seller"


def confirmation(desk, complaint, person="Mira Moss"):
    """The command by which a person considers every listing of a complaint and affirms its statements."""
    shown = desk.json("complaints", "show", complaint)
    named = [one["listing"] for one in shown["listings"] if one["state"] not in ("excluded", "void_gone")]
    listings = [word for number in named for word in ("--listing", number)]
    return ("complaints", "confirm", complaint, "--as", person, *listings, "--considered", QUESTIONS, "--affirm")


def confirm(desk, complaint, person="Mira Moss"):
    """Let a person confirm a complaint."""
    return desk(*confirmation(desk, complaint, person))
