"""Pictures of the page for the README, taken of a demo that is running: `docs/images/page-*.png`.

`python -m include.page.screenshots` signs in as the demo's administrator. It needs Chromium and
the test requirements (playwright), and a `make compare` before; it changes nothing but the
pictures.
"""

import json
import shutil
import sys
from pathlib import Path

import httpx

from include.errors import ProblemError, ServiceError
from include.settings import ROOT, Settings, load_settings

FOLDER = ROOT / "docs" / "images"
PAGE = "/plugin/planhat-segment"

# Name, what follows the page's address, light or dark, width and height, what is clicked first. Of
# those in TOPS a later part is shown.
TOPS = {
    "page-found": "#tracking-found",
    "page-sent": "#tracking-sent",
    "page-compared": "#tracking-compared",
}
PICTURES = (
    ("page-push", "", "light", (1280, 1120), ()),
    ("page-push-dark", "", "dark", (1280, 760), ()),
    (
        "page-tracking",
        "?section=tracking",
        "light",
        (1280, 900),
        ('[data-key="reason-unknown_company"]',),
    ),
    (
        "page-found",
        "?section=tracking",
        "light",
        (1280, 1260),
        ('[data-key="unknown-companies"]',),
    ),
    (
        "page-sent",
        "?section=tracking",
        "light",
        (1280, 1100),
        ('#tracking-sent [data-key="withheld-enduser"]',),
    ),
    ("page-compared", "?section=tracking", "light", (1280, 700), ()),
    (
        "page-metrics",
        "?section=metrics",
        "light",
        (1280, 1000),
        ("#metrics-declared button.link", "#metrics-declared .inner button.link"),
    ),
    ("page-usage", "?section=usage", "light", (1280, 1000), ()),
    ("page-usage-dark", "?section=usage", "dark", (1280, 1000), ('[data-key="alerts-asset"]',)),
    (
        "page-why",
        "",
        "light",
        (1280, 960),
        ('#push-run [data-key="considered-company"]', "#push-run .inner button.why"),
    ),
    ("page-company", "?section=usage", "dark", (1280, 1000), ("#company-list button.link",)),
)


def take(settings: Settings, folder: Path = FOLDER) -> list[Path]:
    """Take every picture; return the files. Raises `ServiceError` saying what is missing."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        raise ServiceError("playwright is not installed: install requirements.txt.") from None
    address = f"http://{settings.airflow_host}:{settings.airflow_port}"
    token = _sign_in(settings, address)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    try:
        with sync_playwright() as running:
            browser = running.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
            for name, query, scheme, (width, height), clicks in PICTURES:
                context = browser.new_context(
                    viewport={"width": width, "height": height},
                    color_scheme=scheme,  # type: ignore[arg-type]
                    timezone_id="UTC",
                )
                context.add_cookies([{"name": "_token", "value": token, "url": address}])
                context.add_init_script(f"localStorage.setItem('theme', '{scheme}')")
                page = context.new_page()
                # Airflow passes on to the frame what stands behind the frame's own address.
                page.goto(f"{address}{PAGE}/planhat-segment/{query}")
                frame = page.frame_locator("iframe")
                frame.locator(".mark.on, .mark:has-text('OFF')").wait_for()
                for each in clicks:
                    frame.locator(each).first.click()
                page.wait_for_load_state("networkidle")
                if name in TOPS:
                    frame.locator(TOPS[name]).evaluate("element => element.scrollIntoView()")
                page.wait_for_timeout(500)  # the charts are drawn a moment after their figures
                files.append(folder / f"{name}.png")
                page.screenshot(path=files[-1])
                context.close()
    except Error as error:
        raise ServiceError(f"The browser could not: {str(error).splitlines()[0]}") from None
    return files


def _sign_in(settings: Settings, address: str) -> str:
    file = settings.data_dir / "airflow" / "sign-in.json"
    try:
        password = json.loads(file.read_text())["admin"]
        answer = httpx.post(
            f"{address}/auth/token", json={"username": "admin", "password": password}, timeout=30
        )
        return answer.raise_for_status().json()["access_token"]
    except (OSError, httpx.HTTPError):
        raise ServiceError(f"No demo answers at {address}: run `make demo` first.") from None


def _chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


if __name__ == "__main__":
    try:
        for file in take(load_settings()):
            print(file.relative_to(ROOT))
    except ProblemError as problem:
        sys.exit(str(problem))
