import { setFlagsFromString } from 'node:v8'

/** In units of V8's, near to bytes of machine code that have run; its own is 13,000,000. */
const budget = 1_000_000_000

/**
 * The HTTP client parses in WebAssembly, mostly by one large function, which V8 optimises once it has run for a budget:
 * with the first lists that a start reads. That takes a sixth of the processor time of a start, beside replicas that
 * serve. With a greater budget only who reads for long has it optimised. To be called before the client is loaded.
 */
export function deferWasmOptimisation(): void {
  setFlagsFromString(`--wasm-tiering-budget=${budget}`)
}
