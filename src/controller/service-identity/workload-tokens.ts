import type { Clock } from '../../time/clock.ts'
import { tokenFile } from '../../identity/workload.ts'
import type { KeyRing, KeySlot } from '../../keys/key-ring/key-ring.ts'
import { createSigner } from '../../keys/signer.ts'
import { type Secret, secretText } from '../../kube/secrets/secret-codec.ts'
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
import { TokenError } from '../../tokens/token-error.ts'
import { verifyTokenSync } from '../../tokens/verify.ts'

/** One token of an identity, for its workload Secret. */
export interface WorkloadToken {
  readonly wanted: WantedToken
  readonly issued: IssuedToken
  /** The compact JWT, for the Secret and nothing else. */
  readonly token: string
  /** Why the token was minted now; absent on a token that was kept. */
  readonly minted?: Reason
}

interface TokenContext {
  readonly issuer: string
  readonly subject: string
  readonly ring: KeyRing
  readonly signing: KeySlot
  readonly revoked?: RevokedTokens
}

/** Keeps every stored token that `mintReason` does not replace, and mints the others with the signing key. */
export async function ensureWorkloadTokens(
  wanted: readonly (WantedToken & { readonly profile: Profile })[],
  secret: Secret | undefined,
  context: TokenContext,
  clock: Clock,
): Promise<WorkloadToken[]> {
  const now = clock.now()
  const tokens: WorkloadToken[] = []
  for (const token of wanted) {
    const found = findToken(secret, token, context, now)
    const { issuer, subject, revoked = { tokenIDs: new Set() } } = context
    const violation = mintReason({ wanted: token, found, issuer, subject, now, revoked })
    tokens.push(
      violation === undefined && found.state === 'issued'
        ? { wanted: token, issued: found.token, token: found.text }
        : await mint(token, context, now, violation?.reason),
    )
  }
  return tokens
}

/** Reads a stored token and verifies it with the public keys of the ring, so that a forged token is replaced. */
function findToken(
  secret: Secret | undefined,
  wanted: WantedToken,
  { issuer, ring }: TokenContext,
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

/** Failures that time, the spec and rotation explain; after any other, another client has changed the Secret. */
const reasonOf: Readonly<Record<string, Reason>> = {
  ERR_TOKEN_EXPIRED: Reason.Renewing,
  ERR_TOKEN_ISSUER: Reason.SpecChanged,
  ERR_TOKEN_KEY_UNKNOWN: Reason.KeyGone,
}

/** Claims that the profile does not set. */
function extraClaims(claims: TokenClaims): Record<string, unknown> {
  return Object.fromEntries(Object.entries(claims).filter(([name]) => !reservedClaims.includes(name)))
}

async function mint(
  wanted: WantedToken & { readonly profile: Profile },
  { issuer, subject, signing }: TokenContext,
  now: number,
  reason: Reason | undefined,
): Promise<WorkloadToken> {
  if (signing.privateJwk === undefined) throw new TypeError(`key ${signing.keyID} has no private key`)
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
