"""Why somebody does not answer, in words, whatever library asked; never with an address, which may
hold a token.
"""

# What the system's and the libraries' words have in them, and what it means.
_SIGNS = {
    "NameResolutionError": "its name is not known",
    "Name or service not known": "its name is not known",
    "nodename nor servname": "its name is not known",
    "No address associated": "its name is not known",
    "Temporary failure in name resolution": "no server of names answers",
    "Connection refused": "nobody listens there",
    "Connection reset": "it was cut off",
    "RemoteDisconnected": "it was cut off",
    "disconnected": "it was cut off",
    "unreachable": "no way leads there",
    "CERTIFICATE": "TLS was refused",
}


def why(error: Exception) -> str:
    """The words for what a library raised; of what nobody has met yet, its kind."""
    said = str(error)
    return next((words for sign, words in _SIGNS.items() if sign in said), type(error).__name__)
