"""The token service with the real azure-identity, and its error bodies."""

from __future__ import annotations

import subprocess
import sys
import urllib.parse
from dataclasses import replace

import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential
from support.hub import ROOT, request

from console.localhub.auth import AuthFailure, bearer, issue_token

SCOPES = {
    "https://management.azure.com/.default": "https://management.azure.com",
    "https://iothubs.azure.net/.default": "https://iothubs.azure.net",
    "https://api.loganalytics.io/.default": "https://api.loganalytics.io",
    "https://management.core.windows.net//.default": "https://management.core.windows.net/",
}


def credential(hub, *, secret=None, client_id=None, authority=None, **options):
    ready = hub.ready
    return ClientSecretCredential(
        ready["tenant_id"],
        client_id or ready["client_id"],
        secret or ready["client_secret"],
        authority=authority or ready["authority"],
        disable_instance_discovery=True,
        connection_verify=ready["ca_file"],
        **options,
    )


def ask(hub, tenant=None, **form):
    ready = hub.ready
    fields = {
        "grant_type": "client_credentials",
        "client_id": ready["client_id"],
        "client_secret": ready["client_secret"],
        "scope": "https://management.azure.com/.default",
        **form,
    }
    body = urllib.parse.urlencode({k: v for k, v in fields.items() if v is not None}).encode()
    url = f"{ready['authority']}/{tenant or ready['tenant_id']}/oauth2/v2.0/token"
    return request(url, ca_file=ready["ca_file"], method="POST", body=body)


@pytest.mark.parametrize("scope", SCOPES)
def test_azure_identity_gets_a_token_of_the_right_audience(local_hub, scope):
    token = credential(local_hub).get_token(scope)
    keys = request(f"{local_hub.ready['authority']}/x/discovery/v2.0/keys", ca_file=local_hub.ready["ca_file"])[2]
    key = jwt.PyJWK(keys["keys"][0])
    claims = jwt.decode(token.token, key, ["RS256"], audience=SCOPES[scope])
    operator = local_hub.ready["principals"]["operator"]
    assert (claims["oid"], claims["appid"]) == (operator["object_id"], operator["client_id"])
    assert claims["tid"] == local_hub.ready["tenant_id"]
    assert claims["exp"] == token.expires_on or abs(claims["exp"] - token.expires_on) < 60
    assert bearer(local_hub.cloud, f"Bearer {token.token}", {SCOPES[scope].rstrip("/")}).name == "operator"


def test_through_the_proxy_under_the_real_name(local_hub):
    proxies = {"https": local_hub.ready["proxy"]}
    found = credential(local_hub, authority="https://login.microsoftonline.com", proxies=proxies)
    assert found.get_token("https://iothubs.azure.net/.default").token.count(".") == 2


@pytest.mark.parametrize(
    ("change", "code"),
    [({"secret": "wrong"}, "AADSTS7000215"), ({"client_id": "00000000-0000-0000-0000-00000000beef"}, "AADSTS700016")],
)
def test_azure_identity_tells_why_it_was_refused(local_hub, change, code):
    with pytest.raises(ClientAuthenticationError, match=code):
        credential(local_hub, **change).get_token("https://management.azure.com/.default")


@pytest.mark.parametrize(
    ("form", "status", "error", "code"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_secret": None}, 401, "invalid_client", 7000218),
        ({"client_id": "nobody-knows"}, 400, "unauthorized_client", 700016),
        ({"client_id": None}, 400, "invalid_request", 900144),
        ({"scope": "https://management.azure.com/user_impersonation"}, 400, "invalid_scope", 1002012),
        ({"scope": "https://example.com/.default"}, 400, "invalid_resource", 500011),
        ({"scope": None}, 400, "invalid_request", 900144),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"tenant": "contoso.example"}, 400, "invalid_tenant", 90002),
    ],
)
def test_error_bodies(local_hub, form, status, error, code):
    got, headers, body = ask(local_hub, **form)
    assert (got, body["error"], body["error_codes"]) == (status, error, [code])
    assert body["error_description"].startswith(f"AADSTS{code}: ")
    assert set(body) >= {"timestamp", "trace_id", "correlation_id", "error_uri"}
    assert "date" in headers
    assert "x-ms-request-id" in headers


def test_expired_secret_fault(local_hub, faults):
    faults.add("expired-secret", count=1)
    assert ask(local_hub)[2]["error_codes"] == [7000222]
    assert ask(local_hub)[0] == 200


def test_a_wrong_secret_does_not_use_up_the_expired_secret_fault(local_hub, faults):
    faults.add("expired-secret", count=1)
    assert ask(local_hub, client_secret="wrong")[2]["error_codes"] == [7000215]
    assert faults.on("expired-secret")


ARM = "https://management.azure.com"


def refused(cloud, header, audiences=(ARM,)):
    with pytest.raises(AuthFailure) as caught:
        bearer(cloud, header, audiences)
    return caught.value.reason


def test_bearer_refuses_what_is_not_good(local_hub):
    cloud = local_hub.cloud
    operator = next(iter(cloud.principals.values()))
    good = issue_token(cloud, operator, ARM)
    assert bearer(cloud, f"bearer {good}", [ARM + "/"]) is operator
    head, payload, signature = good.split(".")
    assert refused(cloud, None) == "missing"
    assert refused(cloud, "Basic abc") == "missing"
    assert refused(cloud, "Bearer ") == "missing"
    assert refused(cloud, "Bearer abc") == "malformed"
    forged = ("A" if signature[0] != "A" else "B") + signature[1:]
    assert refused(cloud, f"Bearer {head}.{payload}.{forged}") == "signature"
    unsigned = jwt.encode(jwt.decode(good, options={"verify_signature": False}), "", "none")
    assert refused(cloud, f"Bearer {unsigned}") in {"malformed", "signature"}
    assert refused(cloud, f"Bearer {good}", ["https://iothubs.azure.net"]) == "audience"
    assert refused(cloud, f"Bearer {issue_token(cloud, operator, ARM, -10)}") == "expired"
    stranger = replace(operator, object_id="11111111-2222-3333-4444-555555555555")
    assert refused(cloud, f"Bearer {issue_token(cloud, stranger, ARM)}") == "unknown-principal"


def test_bearer_judges_by_the_skewed_clock(local_hub, faults):
    token = local_hub.token(lifetime=60)
    faults.add("clock-skew", seconds=600)
    assert refused(local_hub.cloud, f"Bearer {token}") == "expired"
    faults.clear()
    faults.add("clock-skew", seconds=-600)
    assert refused(local_hub.cloud, f"Bearer {token}") == "not-yet-valid"
    faults.clear()
    assert bearer(local_hub.cloud, f"Bearer {token}", [ARM])


def test_there_is_one_signing_key_however_many_ask_first():
    # in a process of its own: here the key exists already
    code = (
        "from concurrent.futures import ThreadPoolExecutor; from console.localhub.auth import signing_key;"
        "pool = ThreadPoolExecutor(16);"
        "print(len({id(f.result()) for f in [pool.submit(signing_key) for _ in range(64)]}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "1\n"
