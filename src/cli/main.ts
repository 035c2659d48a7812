import { messageOf } from '../errors.ts'
import { createProgram } from './program.ts'
import { ConfigError } from './settings/setting.ts'
import { deferWasmOptimisation } from './wasm-optimisation.ts'

deferWasmOptimisation()
try {
  await createProgram().parseAsync()
} catch (error) {
  process.stderr.write(`signet: ${messageOf(error)}\n`)
  // Open handles of a failed command must not keep the process alive.
  process.exit(error instanceof ConfigError ? 2 : 1)
}
