import { createPublicKey, type KeyObject, verify as verifyBare } from 'node:crypto'
import { createVerifier as createFastJwt } from 'fast-jwt'
import { importJWK, jwtVerify } from 'jose'
import { ecdsaToDer } from '../src/keys/ecdsa-signature.ts'
import { createSigner } from '../src/keys/signer.ts'
import { generateSigningKey } from '../src/keys/signing-key.ts'
import { mintToken, newTokenID } from '../src/tokens/mint.ts'
import { createVerifier, type Verifier } from '../src/verifier/verification/verifier.ts'
import { FakeAuthority } from '../test/fakes/authority.ts'
import { type Figures, type Findings, medianOf, type Options, progress } from './measurement.ts'

export const name = 'verifier'
export const describe =
  'verifications a second on one core, remembered and not, beside fast-jwt, jose and bare crypto.verify (--seconds 0.5 --rounds 5 --tokens 1000)'

const audience = 'payments'
const subject = 'spiffe://cluster.local/ns/shop/sa/orders'

interface Contender {
  readonly figure: string
  readonly peer?: string
  /** Verifies one text, or throws. */
  readonly run: (token: string) => unknown
}

/**
 * All in turns; the median of the rounds counts. Every text is a fresh string, as each request brings it: one that is
 * met again as the same object has been hashed already, which no server sees.
 */
export async function run(options: Options): Promise<Findings> {
  const { seconds = 0.5, rounds = 5, tokens: count = 1000 } = options
  const { keyID, publicJwk, privateJwk } = await generateSigningKey('ES256', subject)
  const authority = await FakeAuthority.start()
  authority.keys = [publicJwk]
  const exp = Math.floor(Date.now() / 1000) + 3600
  authority.revocations = Array.from({ length: 1000 }, () => ({ sub: subject, jti: newTokenID(), exp }))
  const { issuer } = authority
  const remembering = createVerifier({ issuer, audience, ca: authority.ca })
  const forgetful = createVerifier({ issuer, audience, ca: authority.ca, maxCacheBytes: 0 })
  try {
    await Promise.all([remembering.ready(), forgetful.ready()])
    const signer = createSigner({ keyID, algorithm: 'ES256', privateJwk })
    const texts: Buffer[] = []
    for (let index = 0; index < count; index += 1) {
      const iat = Math.floor(Date.now() / 1000)
      const claims = { iss: issuer, sub: subject, aud: audience, iat, nbf: iat, exp: iat + 3600, jti: newTokenID() }
      texts.push(Buffer.from((await mintToken({ signer, claims, profile: 'JWT-SVID', publicJwk })).token))
    }
    const key = createPublicKey({ key: { ...publicJwk }, format: 'jwk' })
    const josesKey = await importJWK({ ...publicJwk }, 'ES256')
    const fast = (cache: number): ((token: string) => unknown) => {
      const pem = key.export({ type: 'spki', format: 'pem' }).toString()
      return createFastJwt({
        key: pem,
        cache,
        algorithms: ['ES256'],
        allowedIss: issuer,
        allowedAud: audience,
      }) as never
    }
    const contenders: readonly Contender[] = [
      { figure: 'rememberedPerSecond', run: (token) => recall(remembering, token) },
      { figure: 'rememberedPerSecond', peer: 'fast-jwt', run: fast(count) },
      { figure: 'rememberedAwaitedPerSecond', run: (token) => remembering.verify(token) },
      { figure: 'es256PerSecond', run: (token) => forgetful.verify(token) },
      { figure: 'es256PerSecond', peer: 'crypto.verify', run: (token) => bare(token, key) },
      { figure: 'es256PerSecond', peer: 'crypto.verify of DER', run: (token) => bareDer(token, key) },
      { figure: 'es256PerSecond', peer: 'fast-jwt', run: fast(0) },
      { figure: 'es256PerSecond', peer: 'jose', run: (token) => jwtVerify(token, josesKey, { issuer, audience }) },
    ]
    const taken = contenders.map((): number[] => [])
    // Each has seen each token once, so that those that remember do.
    for (const text of texts) await remembering.verify(text.toString('latin1'))
    for (const { run: verify } of contenders) for (const text of texts) await verify(text.toString('latin1'))
    for (let round = 1; round <= rounds; round += 1) {
      progress(`round ${round} of ${rounds}`)
      for (const [index, contender] of contenders.entries()) {
        taken[index]?.push(await measure(contender, texts, seconds))
      }
    }
    return findings(contenders, taken)
  } finally {
    remembering.close()
    forgetful.close()
    await authority.stop()
  }
}

/** The remembered result: time, key and revocations judged. */
function recall(verifier: Verifier, token: string): unknown {
  const verified = verifier.cached(token)
  if (verified === undefined) throw new Error('a token was not remembered')
  return verified
}

/** The minimum that every verifier does: split the text and verify a signature in the form of JWS, without any check of claims. */
function bare(token: string, key: KeyObject): true {
  const end = token.lastIndexOf('.')
  const signature = Buffer.from(token.slice(end + 1), 'base64url')
  const input = Buffer.from(token.slice(0, end))
  if (!verifyBare('sha256', input, { key, dsaEncoding: 'ieee-p1363' }, signature)) throw new Error('not verified')
  return true
}

/** The same in the form that OpenSSL works with, and the key alone: as fast as it can be in this process. */
function bareDer(token: string, key: KeyObject): true {
  const end = token.lastIndexOf('.')
  const signature = ecdsaToDer(Buffer.from(token.slice(end + 1), 'base64url'))
  if (!verifyBare('sha256', Buffer.from(token.slice(0, end)), key, signature)) throw new Error('not verified')
  return true
}

/**
 * Verifications in a second of processor time, of all threads: what else the machine does counts little. What is
 * asynchronous is awaited one after the other, as a request does.
 */
async function measure({ run: verify }: Contender, texts: readonly Buffer[], seconds: number): Promise<number> {
  const until = performance.now() + seconds * 1000
  const before = process.cpuUsage()
  let done = 0
  while (performance.now() < until) {
    // The clock is read once in 64 calls.
    for (let turn = 0; turn < 64; turn += 1, done += 1) {
      const outcome = verify((texts[done % texts.length] as Buffer).toString('latin1'))
      if (outcome instanceof Promise) await outcome
    }
  }
  const { user, system } = process.cpuUsage(before)
  return (done / (user + system)) * 1e6
}

function findings(contenders: readonly Contender[], figures: readonly (readonly number[])[]): Findings {
  const columns: Record<string, Record<string, number>> = { own: {} }
  for (const [index, { figure, peer = 'own' }] of contenders.entries()) {
    const rounds: Figures[] = (figures[index] ?? []).map((value) => ({ [figure]: value }))
    Object.assign((columns[peer] ??= {}), medianOf(rounds))
  }
  const { own = {}, ...peers } = columns
  const ratio = (figure: string, peer: string): number =>
    (own[figure] ?? Number.NaN) / (peers[peer]?.[figure] ?? Number.NaN)
  return {
    ...own,
    rememberedToFastJwt: ratio('rememberedPerSecond', 'fast-jwt'),
    es256ToBare: ratio('es256PerSecond', 'crypto.verify'),
    es256ToBareDer: ratio('es256PerSecond', 'crypto.verify of DER'),
    ...peers,
  }
}
