"""What Planhat has not: routes below `/played`, for whoever plays from another process.

GET  /played                    what this is, and how many documents it has by path
PUT  /played/switches           turn some
POST /played/faults             one fault more
POST /played/settle             apply what the sinks have taken
PUT  /played/documents/<path>   put documents, with their ids; another path is a model more
GET  /played/documents/<path>   all of a path
GET  /played/requests           what was asked
"""

from dataclasses import asdict
from typing import Any

from include.played_planhat.documents import Refusal
from include.played_planhat.faults import Fault
from include.played_planhat.kinds import custom_model
from include.played_planhat.tenant import Answer, Tenant, read


def play(tenant: Tenant, method: str, path: str, body: bytes) -> Answer:
    """Do what a route below `/played` says. 400 with the reason for what cannot be done."""
    head, _, word = path.partition("/")
    routes = {
        ("GET", ""): _say,
        ("PUT", "switches"): _turn,
        ("POST", "faults"): _add_fault,
        ("POST", "settle"): _settle,
        ("PUT", "documents"): _put,
        ("GET", "documents"): _documents,
        ("GET", "requests"): _requests,
    }
    route = routes.get((method, head))
    if route is None:
        return Answer(404, {"message": "no such route of the played Planhat"})
    try:
        return Answer(200, route(tenant, word, read(body) if body else None))
    except Refusal as refused:
        return Answer(refused.status, {"message": refused.message})
    except (ValueError, TypeError, KeyError) as error:
        return Answer(400, {"message": str(error)})


def _say(tenant: Tenant, word: str, sent: Any) -> Any:
    counts = {path: len(each.by_id) for path, each in tenant.documents.of.items()}
    return {"played": "a played Planhat, not Planhat", "documents": counts}


def _turn(tenant: Tenant, word: str, sent: Any) -> Any:
    tenant.switches = tenant.switches.turned(**sent)
    return {}


def _add_fault(tenant: Tenant, word: str, sent: Any) -> Any:
    tenant.faults.waiting.append(Fault(**sent))
    return {}


def _settle(tenant: Tenant, word: str, sent: Any) -> Any:
    tenant.sinks.settle()
    return {}


def _put(tenant: Tenant, path: str, sent: Any) -> Any:
    tenant.documents.add_kind(custom_model(path, path))
    count = tenant.documents.load(path, sent)
    tenant.keep()
    return {"loaded": count}


def _documents(tenant: Tenant, path: str, sent: Any) -> Any:
    return list(tenant.documents.of[path].by_id.values())


def _requests(tenant: Tenant, word: str, sent: Any) -> Any:
    return [asdict(each) for each in tenant.requests.all]
