// Verifies a Signet token with jose: node verify.mjs ISSUER AUDIENCE < token
// Trust the issuer's certificate by NODE_EXTRA_CA_CERTS=/var/run/secrets/signet.dev/ca.crt
import { readFileSync } from 'node:fs'
import { createRemoteJWKSet, jwtVerify } from 'jose'

const [issuer, audience] = process.argv.slice(2)
const token = readFileSync(0, 'utf8').trim()
const keys = createRemoteJWKSet(new URL(`${issuer}/jwks.json`))
try {
  const { payload, protectedHeader } = await jwtVerify(token, keys, {
    issuer,
    audience,
    algorithms: ['ES256'],
    requiredClaims: ['exp', 'iat', 'sub', 'jti'],
  })
  const key = keys.jwks().keys.find(({ kid }) => kid === protectedHeader.kid)
  if (key.sub !== payload.sub) throw new Error('this key may not sign for this subject')
  console.log(payload.sub)
} catch (error) {
  console.error(`refused: ${error.message}`)
  process.exitCode = 1
}
