#!/usr/bin/env python3
"""Follows the events of a Relay Pulse server and never misses one: polls with a cursor that is kept in a file."""

import argparse
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path


def handle(event):
    """Replace this by what you want to do. It may be called twice for an event after a crash, never not at all."""
    name = "/".join(filter(None, (event.get(part) for part in ("provider", "service", "channel", "model"))))
    print(event["id"], event["type"], name, flush=True)


def ask(server, path):
    request = urllib.request.Request(server.rstrip("/") + path)
    token = os.environ.get("EVENTS_API_TOKEN")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def load(cursor):
    """Returns the number in the file, None when there is no file yet."""
    try:
        return int(cursor.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        sys.exit(f"cannot read the place in {cursor}: {error}; remove it to begin anew, or write the last id into it")


def save(cursor, since):
    """Replaces the file in one step, so that a crash leaves the old number or the new one. Ends the program when it
    cannot: going on would mean to handle the same events again and again."""
    new = cursor.with_name(cursor.name + ".new")
    try:
        new.write_text(f"{since}\n")
        os.replace(new, cursor)
    except OSError as error:
        sys.exit(f"cannot keep the place in {cursor}: {error}; the last events were handled, up to id {since}")


def catch_up(server, cursor, since):
    """Handles all events after `since` and returns the new cursor."""
    while True:
        page = ask(server, f"/api/events?since_id={since}&limit=500")
        for event in page["events"]:
            handle(event)
        if page["meta"]["next_since_id"] != since:
            since = page["meta"]["next_since_id"]
            save(cursor, since)
        if not page["meta"]["has_more"]:
            return since


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("server", help="address of the server, such as http://127.0.0.1:8080")
    arguments.add_argument("--cursor", type=Path, default=Path("events.cursor"), help="file that keeps the place")
    arguments.add_argument("--from", dest="start", type=int, help="begin after this id when there is no cursor yet")
    arguments.add_argument("--every", type=float, default=15, help="seconds between two questions")
    arguments.add_argument("--once", action="store_true", help="catch up and stop")
    options = arguments.parse_args()

    since = load(options.cursor)
    if since is None:
        since = options.start
    while True:
        try:
            failure = None
            latest = ask(options.server, "/api/events/latest")["latest_id"]
            if since is None:
                since = latest
                save(options.cursor, since)
            if since > latest:
                failure = f"{since} in {options.cursor} is above the newest id {latest}: is this another database?"
            else:
                since = catch_up(options.server, options.cursor, since)
        except urllib.error.HTTPError as error:
            if error.code in (401, 403, 404):
                sys.exit(f"{error.code}: {error.read().decode(errors='replace')}")
            failure = f"the server answered {error.code}"
        except (OSError, ValueError, http.client.HTTPException) as error:
            failure = f"no answer: {error}"
        if options.once:
            sys.exit(failure)
        if failure:
            print(failure, file=sys.stderr)
        time.sleep(options.every)


if __name__ == "__main__":
    main()
