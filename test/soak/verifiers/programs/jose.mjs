// jose's remote JWK Set as a program: jose.mjs ISSUER JWKS_URI AUDIENCE MAX_AGE_MS AGE_WHEN_FETCHED_MS
// Reads {"id", "token"} a line, answers {"id"} with "subject" or "refused" or "failed".
import { createInterface } from 'node:readline'
import { createRemoteJWKSet, errors, jwksCache, jwtVerify } from 'jose'

const [issuer, uri, audience, ...ages] = process.argv.slice(2)
const [maxAge, ageWhenFetched] = ages.map(Number)
const cache = {}
// The cool-down is as long as the age: within it even an unknown kid does not make it look again.
const options = { cacheMaxAge: maxAge, cooldownDuration: maxAge, [jwksCache]: cache }
const keys = createRemoteJWKSet(new URL(uri), options)

async function judge(token) {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      issuer,
      audience,
      algorithms: ['ES256', 'ES384', 'RS256', 'PS256', 'EdDSA'],
      requiredClaims: ['exp', 'iat', 'sub', 'jti'],
    })
    const key = keys.jwks().keys.find(({ kid }) => kid === protectedHeader.kid)
    if (key.sub !== payload.sub) return { refused: 'this key may not sign for this subject' }
    return { subject: payload.sub, copyAgeMs: ageWhenFetched + Date.now() - cache.uat }
  } catch (error) {
    const judged = error instanceof errors.JOSEError && !['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT'].includes(error.code)
    return { [judged ? 'refused' : 'failed']: `${error.code ?? error.name}: ${error.message}` }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, token } = JSON.parse(line)
  void judge(token).then((verdict) => console.log(JSON.stringify({ id, ...verdict })))
}
