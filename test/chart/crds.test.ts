import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { beforeAll, describe, expect, it } from 'vitest'
import { generateChartCrds } from '../../scripts/generate-chart-crds.ts'
import { maxSlots } from '../../src/rotation/slots.ts'
import { projectDirectory } from '../../tools/cluster/paths.ts'
import { buildTimeout, chartDirectory, helm, type Manifest, renderChart } from './helm.ts'

interface Schema {
  description?: string
  maxItems?: number
  properties?: Record<string, Schema>
}

const source = join(projectDirectory, 'crds')

beforeAll(() => helm(['version']), buildTimeout)

describe("the chart's CRDs", () => {
  it('are those that npm run types generates from crds/', async () => {
    const generated = await generateChartCrds()
    const directory = join(chartDirectory, 'templates/crds')
    expect((await readdir(directory)).sort()).toEqual([...generated.keys()])
    for (const [file, text] of generated) expect(await readFile(join(directory, file), 'utf8')).toBe(text)
  })

  it('render to the same names and specs as crds/ has', async () => {
    const rendered = (await renderChart()).filter(({ kind }) => kind === 'CustomResourceDefinition')
    const files = (await readdir(source)).sort()
    const originals = await Promise.all(
      files.map(async (file) => load(await readFile(join(source, file), 'utf8')) as Manifest),
    )
    expect(rendered.map(({ metadata, spec }) => [metadata.name, spec])).toEqual(
      originals.map(({ metadata, spec }) => [metadata.name, spec]),
    )
  })

  it('leave room in the status for every key that a ring can hold', async () => {
    const crd = (await renderChart()).find(({ metadata }) => metadata.name === 'serviceidentities.signet.dev')
    const { versions } = crd?.['spec'] as { versions: { schema: { openAPIV3Schema: Schema } }[] }
    const keys = versions[0]?.schema.openAPIV3Schema.properties?.['status']?.properties?.['keys']
    expect(keys?.maxItems).toBe(maxSlots + 1)
    expect(keys?.description).toContain('oldest first')
  })

  it('are kept when the release is uninstalled, so that no identity is lost', async () => {
    for (const { kind, metadata } of await renderChart()) {
      const kept = metadata.annotations?.['helm.sh/resource-policy'] === 'keep'
      expect([metadata.name, kept]).toEqual([metadata.name, kind === 'CustomResourceDefinition'])
    }
  })

  it('are left out where crds.install is false', async () => {
    const kinds = (await renderChart({ crds: { install: false } })).map(({ kind }) => kind)
    expect(kinds).not.toContain('CustomResourceDefinition')
  })
})
