/** Keys with the time when each is due: a binary heap. Of several times of one key the earliest counts. */
export class DelayedKeys {
  readonly #heap: { readonly key: string; readonly at: number }[] = []
  readonly #times = new Map<string, number>()

  get size(): number {
    return this.#times.size
  }

  /** When the first key is due; undefined without keys. */
  get next(): number | undefined {
    this.#dropStale()
    return this.#heap[0]?.at
  }

  /** Ignores a time later than the one that the key has already. */
  set(key: string, at: number): void {
    const known = this.#times.get(key)
    if (known !== undefined && known <= at) return
    this.#times.set(key, at)
    this.#heap.push({ key, at })
    this.#rise(this.#heap.length - 1)
  }

  /** Removes and returns the keys that are due, earliest first. */
  takeDue(now: number): string[] {
    const due: string[] = []
    for (let next = this.next; next !== undefined && next <= now; next = this.next) {
      const first = this.#shift()
      if (first === undefined) break
      this.#times.delete(first.key)
      due.push(first.key)
    }
    return due
  }

  /** A key that got an earlier time leaves its later entry in the heap, which is dropped once it reaches the top. */
  #dropStale(): void {
    for (
      let first = this.#heap[0];
      first !== undefined && this.#times.get(first.key) !== first.at;
      first = this.#heap[0]
    ) {
      this.#shift()
    }
  }

  #shift(): { readonly key: string; readonly at: number } | undefined {
    const first = this.#heap[0]
    const last = this.#heap.pop()
    if (last !== undefined && this.#heap.length > 0) {
      this.#heap[0] = last
      this.#sink(0)
    }
    return first
  }

  #at(index: number): number {
    return this.#heap[index]?.at ?? Number.POSITIVE_INFINITY
  }

  #swap(a: number, b: number): void {
    const [x, y] = [this.#heap[a], this.#heap[b]]
    if (x === undefined || y === undefined) return
    this.#heap[a] = y
    this.#heap[b] = x
  }

  #rise(index: number): void {
    for (let child = index; child > 0;) {
      const parent = (child - 1) >> 1
      if (this.#at(parent) <= this.#at(child)) return
      this.#swap(parent, child)
      child = parent
    }
  }

  #sink(index: number): void {
    for (let parent = index; ;) {
      const left = 2 * parent + 1
      const smaller = this.#at(left + 1) < this.#at(left) ? left + 1 : left
      if (this.#at(smaller) >= this.#at(parent)) return
      this.#swap(parent, smaller)
      parent = smaller
    }
  }
}
