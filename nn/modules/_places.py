"""Which layer an error comes from, told in a note below the error's message."""


def add_place(error, module):
    """Note that an error left a module; each module further out lengthens the path.

    The note reads "in encoder.fc1 of Net: Linear(in_features=784, out_features=10, bias=True)".
    """
    inner, path, description, place = getattr(error, "_ember_place", (None, "", "", None))
    if inner is None:
        description = repr(module).split("\n", 1)[0].rstrip("(")
    elif inner is not module:
        steps = (name for name, child in module.named_modules() if child is inner)
        path = ".".join(filter(None, (next(steps, "?"), path)))
    notes = getattr(error, "__notes__", [])
    if place in notes:
        notes.remove(place)
    where = f"{path} of {type(module).__name__}: {description}" if path else description
    place = f"in {where}"
    error.add_note(place)
    error._ember_place = (module, path, description, place)
