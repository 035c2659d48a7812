import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { describe, expect, it } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { root } from '../../scripts/run.ts'
import { verifierManifest } from '../../scripts/verifier-manifest.ts'
import { minors, newestMinor } from '../../tools/cluster/releases.ts'
import { read } from '../builders/markdown.ts'

interface Step {
  readonly uses?: string
  readonly run?: string
}
interface Workflow {
  readonly permissions: unknown
  readonly jobs: Readonly<Record<string, Job>>
}
interface Job {
  readonly uses?: string
  readonly 'timeout-minutes'?: number
  readonly strategy?: { readonly matrix: Readonly<Record<string, readonly string[]>> }
  readonly steps?: readonly Step[]
}
interface Form {
  readonly name: string
  readonly description: string
  readonly body: readonly { readonly type: string; readonly id?: string; readonly attributes: object }[]
}

const inFolder = (folder: string): string[] => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`)
const workflows = inFolder('.github/workflows')
const forms = inFolder('.github/ISSUE_TEMPLATE').filter((name) => !name.endsWith('/config.yml'))

describe('workflows', () => {
  const stepsOf = (workflow: Workflow): Step[] => Object.values(workflow.jobs).flatMap(({ steps = [] }) => steps)

  it.each(workflows)('%s is well-formed, with rights and limits of its own', (name) => {
    const workflow = load(read(name)) as Workflow
    expect(workflow.permissions).toEqual({ contents: 'read' })
    const unlimited = Object.values(workflow.jobs).filter((job) => job.uses === undefined && !job['timeout-minutes'])
    expect(unlimited).toEqual([])
    expect(stepsOf(workflow).filter(({ uses, run }) => (uses === undefined) === (run === undefined))).toEqual([])
  })

  it.each(workflows)('%s calls only scripts of package.json', (name) => {
    const commands = stepsOf(load(read(name)) as Workflow).flatMap(({ run = '' }) => run.split('\n'))
    const called = commands.flatMap((line) =>
      [...line.matchAll(/\bnpm (?:run ([\w:]+)|(test)\b)/g)].map(([, script, test]) => script ?? test ?? ''),
    )
    expect(called.length).toBeGreaterThan(0)
    expect(called.filter((script) => !(script in packageJson.scripts))).toEqual([])
  })

  it.each(workflows)('%s pins every action by its major version', (name) => {
    const { jobs } = load(read(name)) as Workflow
    const used = [...stepsOf({ permissions: {}, jobs }), ...Object.values(jobs)].flatMap(({ uses }) => uses ?? [])
    expect(used.length).toBeGreaterThan(0)
    expect(used.filter((action) => !/^[\w-]+\/[\w-]+@v\d+$|^\.\/\.github\/workflows\//.test(action))).toEqual([])
  })

  it('run the tests for every change, and before a release', () => {
    expect(read('.github/workflows/ci.yml')).toMatch(/npm test$/m)
    expect((load(read('.github/workflows/release.yml')) as Workflow).jobs['test']?.uses).toBe(
      './.github/workflows/ci.yml',
    )
  })

  it('run the tests on every supported Kubernetes, all of them on the newest', () => {
    const text = read('.github/workflows/ci.yml')
    expect((load(text) as Workflow).jobs['test']?.strategy?.matrix['kubernetes']).toEqual(minors)
    const conditions = [...text.matchAll(/if: matrix\.kubernetes (?:==|!=) '(.+)'/g)].map(([, minor]) => minor)
    expect(conditions).toEqual([newestMinor, newestMinor])
  })
})

describe('issue forms', () => {
  it.each(forms)('%s asks for something', (name) => {
    const form = load(read(name)) as Form
    expect(form.name).not.toBe('')
    expect(form.description).not.toBe('')
    const ids = form.body.flatMap(({ type, id }) => (type === 'markdown' ? [] : [id]))
    expect(ids.length).toBeGreaterThan(1)
    expect(ids).not.toContain(undefined)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('lead vulnerabilities to a private report', () => {
    const config = load(read('.github/ISSUE_TEMPLATE/config.yml')) as { contact_links: readonly { url: string }[] }
    expect(config.contact_links.map(({ url }) => url)).toEqual([expect.stringMatching(/\/security\/advisories\/new$/)])
  })
})

it('renovate keeps exact versions, as package.json has them', () => {
  expect(JSON.parse(read('renovate.json'))).toMatchObject({ rangeStrategy: 'pin' })
  const { dependencies, devDependencies, optionalDependencies } = packageJson
  const versions = Object.values({ ...dependencies, ...devDependencies, ...optionalDependencies })
  expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([])
})

it('the npm package has the version and exports of the project, and no dependencies', () => {
  const manifest = verifierManifest(packageJson)
  const { name, version, exports } = packageJson
  expect(manifest).toMatchObject({ name, version, exports })
  expect(Object.keys(manifest).filter((member) => /dependencies|private|bin|scripts/i.test(member))).toEqual([])
})
