import type { Revocations } from '../../src/tokens/revocations.ts'
import { type Revocable, type Revocation, RevocationSet } from '../../src/tokens/revocation.ts'

/** Revocations that are told what they are. */
export class FakeRevocations implements Revocations {
  version = 0
  #complete = true
  #list: readonly Revocation[] = []
  readonly #callbacks = new Set<() => void>()

  has(revocable: Revocable): boolean {
    return new RevocationSet(this.#list).has(revocable)
  }

  ready(): boolean {
    return this.#complete
  }

  list(): readonly Revocation[] {
    return this.#list
  }

  onChange(callback: () => void): () => void {
    this.#callbacks.add(callback)
    return () => void this.#callbacks.delete(callback)
  }

  set(...list: readonly Revocation[]): void {
    this.#list = list
    this.version += 1
    for (const callback of this.#callbacks) callback()
  }

  add(revocation: Revocation): void {
    this.set(...this.#list, revocation)
  }

  setReady(ready: boolean): void {
    this.#complete = ready
  }
}
