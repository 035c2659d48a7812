import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadAll } from 'js-yaml'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { group } from '../../src/api/v1alpha1/group-version.ts'
import { buildTimeout } from '../chart/helm.ts'
import { projectDirectory } from '../../tools/cluster/paths.ts'
import type { Kubectl } from './kubectl.ts'
import { dryRun, startWithCrd } from './with-crd.ts'

interface Example {
  readonly apiVersion?: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
}

const pages = [
  'README.md',
  ...readdirSync(join(projectDirectory, 'docs'), { recursive: true, encoding: 'utf8' }).flatMap((name) =>
    name.endsWith('.md') ? [`docs/${name}`] : [],
  ),
]

/** Every object of ours that a page shows. */
const examples = pages.flatMap((page) => {
  const text = readFileSync(join(projectDirectory, page), 'utf8')
  const blocks = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block = '']) => block)
  const objects = blocks.flatMap((block) => loadAll(block) as (Example | null)[])
  return objects.flatMap((object) =>
    object?.apiVersion?.startsWith(`${group}/`) === true ? [{ page, kind: object.kind, object }] : [],
  )
})

let kubectl: Kubectl
let stop: () => Promise<void>

beforeAll(async () => {
  ;({ kubectl, stop } = await startWithCrd())
  const namespaces = new Set(examples.map(({ object }) => object.metadata.namespace ?? 'default'))
  for (const namespace of namespaces) {
    if (namespace !== 'default') await kubectl.run(['create', 'namespace', namespace])
  }
}, buildTimeout)

afterAll(() => stop())

describe('the documentation', () => {
  it('shows resources', () => {
    expect(examples.length).toBeGreaterThanOrEqual(2)
  })

  it.each(examples)('of $page shows a $kind that the API server takes', async ({ object }) => {
    await kubectl.run(dryRun, { input: object })
  })
})
