import type { Clock } from '../../time/clock.ts'
import { tokenFile } from '../../identity/workload.ts'
import type { KeyRing, KeySlot } from '../../keys/key-ring/key-ring.ts'
import { createSigner } from '../../keys/signer.ts'
import type { Secret } from '../../kube/secrets/secret-codec.ts'
import { secretText } from '../../kube/secrets/secret-codec.ts'
import {
  type FoundToken,
  type IssuedToken,
  mintReason,
  type RevokedTokens,
  type WantedToken,
} from '../../policy/credential.ts'
import { Reason } from '../../policy/reasons.ts'
import { buildClaims, type Profile, reservedClaims, type TokenClaims, tokenTypes } from '../../tokens/claims.ts'
import { mintToken, newTokenID } from '../../tokens/mint.ts'
import { TokenError, verifyTokenSync } from '../../tokens/verify.ts'

/** One token of an identity as it is to be mounted. */
export interface Credential {
  readonly wanted: WantedToken
  readonly issued: IssuedToken
  /** The compact JWT. Goes into the Secret and nowhere else. */
  readonly token: string
  /** Why it was minted now; absent on one that was kept. */
  readonly minted?: Reason
}

interface CredentialContext {
  readonly issuer: string
  readonly subject: string
  readonly ring: KeyRing
  readonly signing: KeySlot
  readonly revoked?: RevokedTokens
}

/** Keeps every token that will do and mints the others with the signing key. */
export async function ensureCredentials(
  wanted: readonly (WantedToken & { readonly profile: Profile })[],
  secret: Secret | undefined,
  context: CredentialContext,
  clock: Clock,
): Promise<Credential[]> {
  const now = clock.now()
  const credentials: Credential[] = []
  for (const token of wanted) {
    const found = findToken(secret, token, context, now)
    const { issuer, subject, revoked = { tokenIDs: new Set() } } = context
    const violation = mintReason({ wanted: token, found, issuer, subject, now, revoked })
    credentials.push(
      violation === undefined && found.state === 'issued'
        ? { wanted: token, issued: found.token, token: found.text }
        : await mint(token, context, now, violation?.reason),
    )
  }
  return credentials
}

/** Reads a stored token back through the ring's own public keys, so that nothing another hand wrote is believed. */
function findToken(
  secret: Secret | undefined,
  wanted: WantedToken,
  { issuer, ring }: CredentialContext,
  now: number,
): FoundToken & { text: string } {
  const text = secret === undefined ? undefined : secretText(secret, tokenFile(wanted.name))
  if (text === undefined) return { state: 'absent', text: '' }
  try {
    const keys = (kid: string) => ring.slots.find(({ keyID, state }) => keyID === kid && state !== 'Revoked')?.publicJwk
    const { claims, header, keyID } = verifyTokenSync(text, { keys, issuer, audience: undefined, now })
    const token: IssuedToken = {
      issuer: claims.iss,
      subject: claims.sub,
      audience: typeof claims.aud === 'string' ? claims.aud : claims.aud.join(' '),
      profile: header.typ === tokenTypes.AccessToken ? 'AccessToken' : 'JWT-SVID',
      keyID,
      tokenID: claims.jti,
      notBefore: claims.iat * 1000,
      notAfter: claims.exp * 1000,
      claims: extraClaims(claims),
    }
    return { state: 'issued', token, text }
  } catch (error) {
    return {
      state: 'unusable',
      reason: (error instanceof TokenError && reasonOf[error.code]) || Reason.Unusable,
      text: '',
    }
  }
}

/** What ordinary life does to a stored token; everything else is another hand's work. */
const reasonOf: Readonly<Record<string, Reason>> = {
  ERR_TOKEN_EXPIRED: Reason.Renewing,
  ERR_TOKEN_ISSUER: Reason.SpecChanged,
  ERR_TOKEN_KEY_UNKNOWN: Reason.KeyGone,
}

/** Claims beyond those that every token of the profile has. */
function extraClaims(claims: TokenClaims): Record<string, unknown> {
  return Object.fromEntries(Object.entries(claims).filter(([name]) => !reservedClaims.includes(name)))
}

async function mint(
  wanted: WantedToken & { readonly profile: Profile },
  { issuer, subject, signing }: CredentialContext,
  now: number,
  reason: Reason | undefined,
): Promise<Credential> {
  if (signing.privateJwk === undefined) throw new TypeError(`key ${signing.keyID} has no private half`)
  const tokenID = newTokenID()
  const claims = buildClaims({
    issuer,
    subject,
    audience: wanted.audience,
    issuedAt: now,
    lifetimeMs: wanted.lifetime,
    tokenID,
    profile: wanted.profile,
    extras: wanted.claims,
  })
  const signer = createSigner({ keyID: signing.keyID, algorithm: signing.algorithm, privateJwk: signing.privateJwk })
  const { token } = await mintToken({ signer, claims, profile: wanted.profile, publicJwk: signing.publicJwk })
  const issued: IssuedToken = {
    issuer,
    subject,
    audience: wanted.audience,
    profile: wanted.profile,
    keyID: signing.keyID,
    tokenID,
    notBefore: claims.iat * 1000,
    notAfter: claims.exp * 1000,
    claims: wanted.claims,
  }
  return { wanted, issued, token, ...(reason === undefined ? {} : { minted: reason }) }
}
