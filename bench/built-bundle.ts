import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { projectDirectory } from '../tools/cluster/paths.ts'

let built: Promise<string> | undefined

/** Path of the commands as they are shipped, built from the sources at hand once a run. */
export function builtBundle(): Promise<string> {
  built ??= promisify(execFile)(process.execPath, [join(projectDirectory, 'scripts/build.ts')]).then(() =>
    join(projectDirectory, 'dist/signet.mjs'),
  )
  return built
}
