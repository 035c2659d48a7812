import { percentile, type Sample } from './tally.ts'

/** How long every replica may take to publish a key that replaces a revoked one. */
const publicationMs = 2000

interface Revocation {
  readonly at: number
  /** When no replica served the key any more. */
  withdrawnAt?: number
  /** When the pod's file held a token of another key. */
  replacedAt?: number
}

/** What became of each revoked key: in the served key sets, and in the file of a pod. Times in ms since the epoch. */
export class Revocations {
  /** Tokens that did not verify although nothing had been revoked that they need. */
  readonly problems: string[] = []
  private readonly revoked = new Map<string, Revocation>()
  private readonly firstSeen = new Map<string, number>()
  private latest: Sample | undefined

  /** The key of the token in the pod's file; undefined before the first sample. */
  get keyInUse(): string | undefined {
    return this.latest?.kid
  }

  revoke(keyID: string, at: number): void {
    this.revoked.set(keyID, { at })
  }

  /** No replica serves the key. */
  withdrawn(keyID: string, at: number): void {
    const revocation = this.revoked.get(keyID)
    if (revocation !== undefined) revocation.withdrawnAt ??= at
  }

  saw(sample: Sample): void {
    const { at, kid, jti, problem } = sample
    // Samples are told in the order in which their check ended, not in that in which they were taken.
    if (this.latest === undefined || at >= this.latest.at) this.latest = sample
    this.firstSeen.set(kid, Math.min(this.firstSeen.get(kid) ?? at, at))
    if (this.revoked.has(kid)) return
    for (const revocation of this.revoked.values()) {
      if (at >= revocation.at) revocation.replacedAt = Math.min(revocation.replacedAt ?? at, at)
    }
    if (problem !== undefined && at > (this.firstSeen.get(kid) ?? at) + publicationMs) {
      this.problems.push(`${new Date(at).toISOString()} token ${jti}: ${problem}`)
    }
  }

  isDone(keyID: string): boolean {
    const { withdrawnAt, replacedAt } = this.revoked.get(keyID) ?? {}
    return withdrawnAt !== undefined && replacedAt !== undefined
  }

  get keyIDs(): string[] {
    return [...this.revoked.keys()]
  }

  /** From the request to the end, of those that came to their end, in milliseconds. */
  delays(): { withdrawn: number[]; replaced: number[]; both: number[] } {
    const done = [...this.revoked.values()].flatMap(({ at, withdrawnAt, replacedAt }) =>
      withdrawnAt === undefined || replacedAt === undefined
        ? []
        : [{ withdrawn: withdrawnAt - at, replaced: replacedAt - at }],
    )
    return {
      withdrawn: done.map(({ withdrawn }) => withdrawn),
      replaced: done.map(({ replaced }) => replaced),
      both: done.map(({ withdrawn, replaced }) => Math.max(withdrawn, replaced)),
    }
  }
}

export interface RevocationBar {
  readonly count: number
  readonly p99Ms: number
}

/** What falls short, as sentences. `touched` and `returned` are what else was found: others' Secrets, and keys. */
export function revocationShortfalls(
  revocations: Revocations,
  { touched, returned }: { touched: readonly string[]; returned: readonly string[] },
  bar: RevocationBar,
): string[] {
  const { both } = revocations.delays()
  const p99 = percentile(both, 0.99)
  const found = [...revocations.problems]
  if (both.length < bar.count) found.push(`${both.length} revocations came to their end, fewer than ${bar.count}`)
  if (!(p99 < bar.p99Ms)) found.push(`p99 is ${Math.round(p99)} ms, not below ${bar.p99Ms} ms`)
  found.push(...touched.map((name) => `Secret ${name} of another identity was touched`))
  found.push(...returned.map((keyID) => `revoked key ${keyID} is served again`))
  return found
}
