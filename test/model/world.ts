import { effectiveSigningKey } from '../../src/api/v1alpha1/defaults.ts'
import type { ReconcileResult } from '../../src/controller/runtime/reconcile.ts'
import { DAY, SECOND } from '../../src/time/duration.ts'
import { keyOf } from '../../src/kube/client/object.ts'
import { HeldClock } from '../fakes/held-clock.ts'
import { Cluster, name } from './cluster.ts'
import type { Fault } from './faulty-client.ts'
import { keySupply } from './key-supply.ts'
import { Ledger } from './ledger.ts'
import { Mounted } from './mounted.ts'
import { Replica, type RunOutcome } from './replica.ts'
import type { ReplicaName, Step } from './steps.ts'

const key = keyOf(name)
/** How long a watch may be silent before it is replaced: nobody reconciles by an older view. */
const longestLag = 150 * SECOND
/** Runs that a leader may need until nothing is left to be done, each after having heard of everything. */
const tries = 5
/** The next thing to do is never awaited longer. */
const longestWait = 7 * DAY

/** A cluster with one identity, and two controllers that may both believe to lead. */
export class World {
  readonly ledger: Ledger
  readonly mounted: Mounted
  readonly #cluster = new Cluster()
  /** True time. */
  readonly #clock = new HeldClock()
  readonly #generate = keySupply()
  readonly #replicas: Record<ReplicaName, Replica>
  readonly #errors = { A: 0, B: 0 }
  /** The publishAhead that each went by in its run. */
  readonly #views = { A: 0, B: 0 }
  /** When each change of the history happened. */
  readonly #times: number[] = []
  #writer: ReplicaName = 'A'
  #setBack = 0
  /** By how much clocks had been set back when each began its run. */
  readonly #begun = { A: 0, B: 0 }

  constructor() {
    const { storage } = this.#cluster
    this.mounted = new Mounted(this.#cluster)
    this.ledger = new Ledger({
      time: () => this.#clock.now(),
      wall: () => this.#wall(),
      publishAhead: () => this.#views[this.#writer],
      livingUid: () => this.#cluster.identity()?.metadata.uid,
      setBackMeanwhile: () => this.#setBack !== this.#begun[this.#writer],
      foreign: () => this.#cluster.foreign,
    })
    storage.onChange((change) => {
      this.#times[storage.history.length - 1] = this.#clock.now()
      this.ledger.note(change)
    })
    this.#replicas = { A: this.#started('A'), B: this.#started('B') }
    this.#cluster.createIdentity()
  }

  async do(step: Step): Promise<void> {
    if ('replica' in step) await this.#control(step)
    else this.#happen(step)
    this.ledger.ask()
  }

  async #control(step: Extract<Step, { replica: ReplicaName }>): Promise<void> {
    const replica = this.#replicas[step.replica]
    switch (step.does) {
      case 'clock error':
        this.#errors[step.replica] = step.error
        return
      case 'lead':
        return this.#lead(step.replica, step.runs)
      case 'reconcile':
        if (!replica.busy) await this.#reconcile(step.replica, step.fault)
        return
      case 'resume':
        if (replica.busy) await this.#resume(step.replica)
        return
      case 'restart':
        await replica.kill()
        this.#replicas[step.replica] = this.#started(step.replica)
        return
      case 'hear':
        replica.caches[step.watch].hear(step.most)
        return
      case 'list anew':
        replica.caches[step.watch].list()
    }
  }

  #happen(step: Exclude<Step, { replica: ReplicaName }>): void {
    switch (step.does) {
      case 'wait': {
        this.#clock.advance(step.time)
        return
      }
      case 'set clocks back':
        this.#setBack += step.time
        return
      case 'change spec': {
        this.#cluster.changeSpec(step.spec)
        return
      }
      case 'ask for rotation': {
        this.#cluster.askForRotation()
        return
      }
      case 'create identity': {
        this.#cluster.createIdentity()
        return
      }
      case 'delete identity': {
        this.#cluster.deleteIdentity()
        return
      }
      case 'collect garbage': {
        this.#cluster.collectGarbage()
        return
      }
      case 'delete public ConfigMap': {
        this.#cluster.deletePublicKeys()
        return
      }
      case 'spoil Secret': {
        this.#cluster.spoilSecret(step.how)
        return
      }
    }
  }

  /** What clocks say, but for the error of each. */
  #wall(): number {
    return this.#clock.now() - this.#setBack
  }

  #started(replica: ReplicaName): Replica {
    const clock = { now: () => this.#wall() + this.#errors[replica], monotonic: () => this.#clock.now() }
    return new Replica({ storage: this.#cluster.storage, clock, generate: this.#generate })
  }

  async #reconcile(replica: ReplicaName, fault?: Fault): Promise<RunOutcome> {
    const process = this.#replicas[replica]
    for (const cache of Object.values(process.caches)) {
      const { missing } = cache
      if (missing !== undefined && this.#clock.now() - (this.#times[missing] ?? 0) > longestLag) cache.list()
    }
    const { spec = {} } = process.caches.identities.store.get(name) ?? {}
    this.#views[replica] = effectiveSigningKey(spec).publishAhead
    this.#writer = replica
    this.#begun[replica] = this.#setBack
    const outcome = await process.reconcile(key, fault)
    if (process.dead) this.#replicas[replica] = this.#started(replica)
    return outcome
  }

  async #resume(replica: ReplicaName): Promise<void> {
    this.#writer = replica
    await this.#replicas[replica].resume()
  }

  /** A replica that hears of all in time, and reconciles whenever it asked to: nothing is left undone, nothing late. */
  async #lead(replica: ReplicaName, runs: number): Promise<void> {
    const { violations, sets } = this.ledger
    for (let run = 1; ; run += 1) {
      const result = await this.#settle(replica)
      if (this.#cluster.identity() === undefined) {
        const left = this.#cluster.ownObjects()
        if (left.length > 0) violations.push(`I5: the deleted identity leaves ${left.join(', ')}`)
        return
      }
      violations.push(...this.mounted.unusable((kid) => sets.jwk(kid), this.#wall()))
      if (violations.length > 0 || result?.requeueAfterMs === undefined || run === runs) return
      this.#clock.advance(Math.min(result.requeueAfterMs, longestWait))
      this.ledger.ask()
      violations.push(...this.mounted.late(this.#wall()))
    }
  }

  async #settle(replica: ReplicaName): Promise<ReconcileResult | undefined> {
    let error: unknown
    for (let attempt = 0; attempt < tries; attempt += 1) {
      if (this.#replicas[replica].busy) await this.#resume(replica)
      this.#cluster.collectGarbage()
      for (const cache of Object.values(this.#replicas[replica].caches)) cache.hear()
      const outcome = await this.#reconcile(replica)
      if (outcome.state === 'done') return outcome.result
      if (outcome.state === 'failed') error = outcome.error
    }
    this.ledger.violations.push(`I7: ${replica} does not settle: ${String(error)}`)
    return undefined
  }
}
