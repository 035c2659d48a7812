import { messageOf } from '../../../src/errors.ts'
import { anotherKeySample } from './exhibits.ts'
import type { Party } from './parties.ts'
import type { Exhibit } from './verdicts.ts'

/** Shows exhibits to all verifiers at once and notes what they say; rounds may overlap. */
export class Showing {
  shown = 0
  /** Rounds that could not be shown. */
  readonly problems: string[] = []
  private readonly parties: readonly Party[]
  private readonly running = new Set<Promise<void>>()

  constructor(parties: readonly Party[]) {
    this.parties = parties
  }

  /** Never rejects: what goes wrong is among the problems. */
  show(round: Promise<readonly Exhibit[]>): void {
    const running = this.judge(round).catch((error: unknown) => void this.problems.push(messageOf(error)))
    this.running.add(running)
    void running.finally(() => this.running.delete(running))
  }

  /** Resolves once all has been judged that has been shown. */
  async settled(): Promise<void> {
    await Promise.all(this.running)
  }

  private async judge(round: Promise<readonly Exhibit[]>): Promise<void> {
    const exhibits = await round
    this.shown += exhibits.length
    await Promise.all(exhibits.flatMap((exhibit) => this.parties.map((party) => ask(party, exhibit))))
  }
}

async function ask({ forValid, forHostile, verdicts }: Party, exhibit: Exhibit): Promise<void> {
  if (exhibit.sample === anotherKeySample && !forHostile.knowsSubjectOfKey) return
  const at = Date.now()
  const verifier = exhibit.subject === undefined ? forHostile : forValid
  verdicts.add(exhibit, await verifier.judge(exhibit.token), at)
}
