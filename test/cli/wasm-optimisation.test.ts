import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signet-wasm-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

/** `(func (export "spin") (param i32) (loop local.get 0 i32.const 1 i32.sub local.tee 0 br_if 0))`, in the binary format. */
const spin =
  '0061736d01000000' +
  '01050160017f00' +
  '03020100' +
  '070801047370696e0000' +
  '0a10010e00034020004101' +
  '6b22000d000b0b'

/** Whether V8 optimises a function that has run as long as the HTTP parser at a start, and longer than its own budget. */
async function optimises(name: string, before: string): Promise<boolean> {
  const trace = join(directory, name)
  const script = `
    ${before}
    const { instance } = await WebAssembly.instantiate(Buffer.from('${spin}', 'hex'))
    for (let times = 0; times < 10; times++) {
      instance.exports.spin(1_000_000)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }`
  const options = ['--trace-event-categories=v8.wasm', `--trace-event-file-pattern=${trace}`, '--input-type=module']
  await promisify(execFile)(process.execPath, [...options, '--eval', script])
  const { traceEvents } = JSON.parse(await readFile(trace, 'utf8')) as { traceEvents: { name: string }[] }
  const names = traceEvents.map((event) => event.name)
  expect(names).toContain('wasm.BaselineFinished')
  return names.includes('wasm.TopTierCompilation')
}

it('leaves WebAssembly as it is first compiled while little has run', async () => {
  const module = fileURLToPath(new URL('../../src/cli/wasm-optimisation.ts', import.meta.url))
  const deferred = `import { deferWasmOptimisation } from ${JSON.stringify(module)}\ndeferWasmOptimisation()`
  expect(await optimises('by-itself', '')).toBe(true)
  expect(await optimises('deferred', deferred)).toBe(false)
})
