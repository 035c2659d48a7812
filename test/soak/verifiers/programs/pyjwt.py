"""PyJWT's PyJWKClient as a program: pyjwt.py ISSUER JWKS_URI AUDIENCE MAX_AGE_SECONDS

Reads {"id", "token"} a line, answers {"id"} with "subject" or "refused" or "failed".
"""

import json
import sys
import time

import jwt

issuer, uri, audience, seconds = sys.argv[1:5]
# Its cool-down of 30 s by itself keeps it from looking again for an unknown kid.
keys = jwt.PyJWKClient(uri, lifespan=float(seconds), timeout=5)


def judge(token):
    try:
        key = keys.get_signing_key_from_jwt(token)
        claims = jwt.decode(
            token,
            key,
            algorithms=["ES256", "ES384", "RS256", "PS256", "EdDSA"],
            issuer=issuer,
            audience=audience,
            options={"require": ["exp", "iat", "sub", "jti"]},
        )
    except jwt.PyJWKClientConnectionError as error:
        return {"failed": str(error)}
    except jwt.PyJWTError as error:
        return {"refused": f"{type(error).__name__}: {error}"}
    # Each key may sign for one identity only. PyJWT offers other members of a JWK nowhere else.
    if key._jwk_data.get("sub") != claims["sub"]:
        return {"refused": "this key may not sign for this subject"}
    age = time.monotonic() - keys.jwk_set_cache.jwk_set_with_timestamp.get_timestamp()
    return {"subject": claims["sub"], "copyAgeMs": age * 1000}


for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps({"id": asked["id"], **judge(asked["token"])}), flush=True)
