"""Gives half of the requests what only this cluster can give, and counts the answers by operation and status."""

import atexit
import collections
import json
import os
import random

import schemathesis

with open(os.environ["SIGNET_FUZZ_GIVEN"], encoding="utf-8") as given_file:
    GIVEN = json.load(given_file)

# Form parameter -> the kinds of token that belong there.
KINDS = {
    "subject_token": ["serviceAccount"],
    "client_assertion": ["serviceAccount"],
    "token": ["signet", "serviceAccount"],
}
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
COUNTS = collections.Counter()


def token_of(kinds):
    tokens = [token for kind in kinds for token in GIVEN["tokens"].get(kind, [])]
    return random.choice(tokens) if tokens else None


@schemathesis.hook
def before_call(context, case, kwargs):
    parameters = case.path_parameters
    if parameters and random.random() < 0.5:
        for name, value in GIVEN["parameters"].items():
            if name in parameters:
                parameters[name] = value
    body = case.body
    if not isinstance(body, dict) or random.random() < 0.25:
        return
    for name, kinds in KINDS.items():
        token = token_of(kinds)
        if name in body and token is not None:
            body[name] = token
    if "client_assertion" in body:
        body["client_assertion_type"] = ASSERTION
    elif random.random() < 0.75:
        token = token_of(["serviceAccount", "signet"])
        if token is not None:
            case.headers["Authorization"] = f"Bearer {token}"


@schemathesis.hook
def after_call(context, case, response):
    COUNTS[f"{case.operation.label} {case.method} {response.status_code}"] += 1


@atexit.register
def write_counts():
    with open(os.environ["SIGNET_FUZZ_COUNTS"], "w", encoding="utf-8") as counts_file:
        json.dump(COUNTS, counts_file)
