"""Verifies a Signet token with PyJWT: verify.py ISSUER AUDIENCE < token

Trust the issuer's certificate by SSL_CERT_FILE=/var/run/secrets/signet.dev/ca.crt
"""

import sys

import jwt

issuer, audience = sys.argv[1:3]
token = sys.stdin.read().strip()
keys = jwt.PyJWKClient(f"{issuer}/jwks.json", lifespan=300)
try:
    key = keys.get_signing_key_from_jwt(token)
    claims = jwt.decode(
        token,
        key.key,
        algorithms=["ES256"],
        issuer=issuer,
        audience=audience,
        options={"require": ["exp", "iat", "sub", "jti"]},
    )
    # Each key may sign for one identity only. PyJWT offers other members of a JWK nowhere else.
    if key._jwk_data.get("sub") != claims["sub"]:
        raise jwt.InvalidTokenError("this key may not sign for this subject")
except (jwt.PyJWTError, OSError) as error:
    sys.exit(f"refused: {error}")
print(claims["sub"])
