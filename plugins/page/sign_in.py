"""Leading somebody who is not signed in to Airflow's sign-in, and back to where they were."""

import base64
import hashlib
from urllib.parse import quote

from fastapi import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

# Where Airflow leads to the sign-in of whatever auth manager it has, seen from the page.
LOGIN = "../api/v2/auth/login?next="

# In Airflow's frame it is Airflow's own page that goes there, by a link that is pressed in it.
_SCRIPT = f"""
const outer = window.parent.location;
const back = encodeURIComponent(outer.pathname + outer.search + outer.hash);
const link = window.parent.document.createElement("a");
link.href = new URL("{LOGIN}" + back, location.href).href;
window.parent.document.body.append(link);
link.click();
"""
_FRAMED = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Planhat ⇄ Segment</title></head>
<body><main><p role="alert">Your sign-in to Airflow has ended. Reload the page to sign in
again.</p></main>
<script>{_SCRIPT}</script></body></html>
"""
_ALLOWED = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
_POLICY = f"default-src 'none'; script-src 'sha256-{_ALLOWED}'; frame-ancestors 'self'"


def sign_in(request: Request) -> Response:
    """The answer to a browser that asked for the page; it holds nothing of the page."""
    if request.headers.get("sec-fetch-dest") == "iframe":
        return HTMLResponse(
            _FRAMED,
            status_code=401,
            headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"},
        )
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(LOGIN + quote(asked, safe=""), status_code=303)
