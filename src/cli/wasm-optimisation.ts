import { setFlagsFromString } from 'node:v8'

/** In V8's unit, roughly bytes of executed machine code. V8's default is 13,000,000. */
const budget = 1_000_000_000

/**
 * Raises the budget after which V8 optimises WebAssembly. The HTTP client parses responses in WebAssembly, mostly in one
 * large function, and with the default budget V8 optimises it during the first lists: a sixth of the CPU time of a start.
 * With the larger budget, only a process that reads much optimises it. Call it before importing the client.
 */
export function deferWasmOptimisation(): void {
  setFlagsFromString(`--wasm-tiering-budget=${budget}`)
}
