import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadAll } from 'js-yaml'
import { moduleBinaries } from '../../tools/cluster/binaries.ts'
import { type CommandResult, run } from '../../tools/cluster/command.ts'
import { projectDirectory } from '../../tools/cluster/paths.ts'
import { oldestMinor, releases } from '../../tools/cluster/releases.ts'

export const chartDirectory = join(projectDirectory, 'charts/signet')
export const operatorNamespace = 'signet-system'

/** Long enough to build helm on a machine that has never done so. */
export const buildTimeout = 45 * 60_000

/** A rendered object, as far as tests look into it. */
export interface Manifest {
  apiVersion: string
  kind: string
  metadata: {
    name: string
    namespace?: string
    labels?: Record<string, string>
    annotations?: Record<string, string>
  }
  [field: string]: unknown
}

export type Values = Record<string, unknown>

export async function helm(args: string[], options: { input?: string } = {}): Promise<CommandResult> {
  const { helm: command } = await moduleBinaries('helm')
  return run(command, args, { allowFailure: true, ...options })
}

/** What `helm template` writes; values go in as a file would. */
export async function renderText(values: Values = {}, flags: string[] = []): Promise<string> {
  const { code, stdout, stderr } = await template(values, flags)
  if (code !== 0) throw new Error(`helm template failed: ${stderr}`)
  return stdout
}

export async function renderChart(values: Values = {}, flags: string[] = []): Promise<Manifest[]> {
  return parseManifests(await renderText(values, flags))
}

/** The error that helm gives for values it does not take. */
export async function renderError(values: Values): Promise<string> {
  const { code, stderr } = await template(values, [])
  if (code === 0) throw new Error('helm template took these values')
  return stderr
}

export function parseManifests(text: string): Manifest[] {
  return loadAll(text).filter((document): document is Manifest => document !== null && document !== undefined)
}

/** Compares with a golden file, or writes it where UPDATE_GOLDEN=1. */
export async function golden(file: string, text: string): Promise<string> {
  const path = join(projectDirectory, 'test/fixtures/charts', file)
  if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(path, text)
  return readFile(path, 'utf8')
}

function template(values: Values, flags: string[]): Promise<CommandResult> {
  const fixed = ['--namespace', operatorNamespace, '--kube-version', releases[oldestMinor].version, '--values', '-']
  return helm(['template', 'signet', chartDirectory, ...fixed, ...flags], { input: JSON.stringify(values) })
}
