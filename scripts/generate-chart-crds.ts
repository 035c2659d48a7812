/**
 * Writes the CRDs of crds/ into the chart's templates, so that `helm upgrade` upgrades them and, by the annotation that
 * is added, `helm uninstall` keeps them. With `--check`, writes nothing and fails where a file is not up to date.
 */
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from './run.ts'

const source = join(root, 'crds')
const target = join(root, 'charts/signet/templates/crds')

/** Each CRD's file name and its template. */
export async function generateChartCrds(): Promise<Map<string, string>> {
  const templates = new Map<string, string>()
  for (const file of (await readdir(source)).filter((name) => name.endsWith('.yaml')).sort()) {
    templates.set(file, template(file, await readFile(join(source, file), 'utf8')))
  }
  return templates
}

function template(file: string, crd: string): string {
  if (crd.includes('{{')) throw new Error(`crds/${file} contains "{{", which Helm would take for its own`)
  const [head, ...rest] = crd.split(/^(?= {2}name: )/m)
  const [name, ...body] = rest.join('').split(/(?<=\n)/)
  if (head === undefined || name === undefined || body[0] !== 'spec:\n') {
    throw new Error(`crds/${file} does not begin with apiVersion, kind, metadata.name and spec`)
  }
  return [
    `{{- /* Generated from crds/${file} by scripts/generate-chart-crds.ts (npm run types). */ -}}\n`,
    '{{- if .Values.crds.install }}\n',
    head,
    name,
    '  annotations:\n    helm.sh/resource-policy: keep\n',
    '  labels:\n    {{- include "signet.labels" (dict "root" .) | nindent 4 }}\n',
    ...body,
    '{{- end }}\n',
  ].join('')
}

/** Writes the templates, or only says which are not up to date. */
export async function writeChartCrds(check: boolean): Promise<void> {
  for (const [file, text] of await generateChartCrds()) {
    const path = join(target, file)
    if (!check) await writeFile(path, text)
    else if ((await readFile(path, 'utf8').catch(() => '')) !== text) {
      console.error(`charts/signet/templates/crds/${file} is not up to date with crds/: run npm run types`)
      process.exitCode = 1
    }
  }
}

if (import.meta.main) await writeChartCrds(process.argv.includes('--check'))
