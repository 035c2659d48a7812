import { effectiveTokens } from '../../src/api/v1alpha1/defaults.ts'
import { formatDuration, MINUTE, SECOND } from '../../src/time/duration.ts'
import { tokenFile } from '../../src/identity/workload.ts'
import type { PublicJwk } from '../../src/keys/public-jwk.ts'
import { secretText } from '../../src/kube/secrets/secret-codec.ts'
import { decodeToken } from '../../src/tokens/decode.ts'
import { verifyTokenSync } from '../../src/tokens/verify.ts'
import { settings } from '../builders/identity-controller.ts'
import type { Cluster } from './cluster.ts'
import { clockError } from './published-sets.ts'

interface MountedToken {
  readonly name: string
  readonly audience: string
  readonly lifetime: number
  readonly text: string
}

/** Asks what a pod finds in the files that it mounts. */
export class Mounted {
  readonly #cluster: Cluster
  readonly #verified = new Set<string>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** The `alg` of each token. */
  algorithms(): unknown[] {
    return this.#tokens().map(({ text }) => decodeToken(text).header.alg)
  }

  /** I1: every token that the spec asks for is there, as a verifier accepts it. */
  unusable(jwk: (kid: string) => PublicJwk | undefined, now: number): string[] {
    return this.#tokens().flatMap(({ name, audience, lifetime, text }) => {
      // Once verified, a token is asked about by the ledger; but for the one that a clock set back makes too early.
      const known = `${audience} ${lifetime} ${text}`
      if (this.#verified.has(known) && timesOf(text).iat <= now + MINUTE) return []
      try {
        const { claims } = verifyTokenSync(text, { keys: jwk, issuer: settings.issuer, audience, now })
        if ((claims.exp - claims.iat) * SECOND !== lifetime)
          return `I1: token ${name} lives for another time than asked`
        this.#verified.add(known)
        return []
      } catch (error) {
        return `I1: the mounted token ${name} of a leader's making fails: ${String(error)}`
      }
    })
  }

  /** I2: up to the very moment at which the leader asked to look again, half of every lifetime is left. */
  late(now: number): string[] {
    return this.#tokens().flatMap(({ name, lifetime, text }) => {
      const left = timesOf(text).exp - now
      if (left >= lifetime / 2 - 2 * clockError - 2 * SECOND) return []
      return `I2: token ${name} has ${formatDuration(left)} left of ${formatDuration(lifetime)}`
    })
  }

  #tokens(): MountedToken[] {
    const identity = this.#cluster.identity()
    if (identity === undefined) return []
    const secret = this.#cluster.secret()
    return effectiveTokens(identity.spec, settings.trustDomain).map(({ name, audience, lifetime }) => {
      return { name, audience, lifetime, text: (secret && secretText(secret, tokenFile(name))) ?? '' }
    })
  }
}

/** Milliseconds since the epoch. */
function timesOf(token: string): { iat: number; exp: number } {
  const { claims } = decodeToken(token)
  return { iat: Number(claims.iat) * SECOND, exp: Number(claims.exp) * SECOND }
}
