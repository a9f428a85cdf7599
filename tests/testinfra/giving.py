"""How programs that give to backup nodes are asked, by who has no certificate and by who makes no backups."""

# Prints what each meets: a status of HTTP, refused, or silent when nothing came in time.
ASKING = """
import http.client, json, ssl, sys
known = json.load(open(sys.argv[1]))
def met(shown):
    context = ssl.create_default_context(cafile=known["authority"])
    if shown:
        context.load_cert_chain(known["certificate"] + "/cert.pem", known["certificate"] + "/key.pem")
    connection = http.client.HTTPSConnection(known["address"], known["port"], timeout=20, context=context)
    try:
        connection.request("GET", sys.argv[2])
        return connection.getresponse().status
    except TimeoutError:
        return "silent"
    except OSError:
        return "refused"
print(met(False), met(True))
"""


def ask(settings: str, path: str) -> str:
    """A command for COLLECT: the node asks its own program, of these settings, at the address others use."""
    return f"python3 -I -c '{ASKING}' '{settings}' '{path}'"
