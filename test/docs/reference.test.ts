import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { referencePages } from '../../scripts/generate-reference.ts'
import { plugin, signet } from '../../scripts/reference/commands.ts'
import { errorGroups } from '../../scripts/reference/error-codes.ts'
import { codesInSource } from '../../scripts/reference/errors.ts'
import { metadataNames } from '../../scripts/reference/labels.ts'
import { metricsOf } from '../../scripts/reference/metrics.ts'
import { crdFiles, fieldsOf, readCrd } from '../../scripts/reference/resources.ts'
import { literalsOf } from '../../scripts/reference/source-names.ts'
import { root } from '../../scripts/run.ts'
import { variableOf } from '../../src/cli/settings/setting.ts'
import { serverCommands } from '../../src/cli/program.ts'
import { read } from '../builders/markdown.ts'

const pageOf = (name: string): string => read(`docs/reference/${name}`)
const lacking = (page: string, names: readonly string[]): string[] =>
  names.filter((name) => !pageOf(page).includes(`| \`${name}`))

describe('the reference', () => {
  it.each(Object.entries(referencePages))('%s is up to date: run npm run reference', (file, generate) => {
    expect(pageOf(file)).toBe(generate())
  })

  it('has no other pages', () => {
    expect(readdirSync(join(root, 'docs/reference')).sort()).toEqual(Object.keys(referencePages).sort())
  })

  it('lists every flag of every command, and the variables of the servers', () => {
    const commands = [...signet.commands, plugin, ...plugin.commands]
    const flags = commands.flatMap(({ options }) => options.map(({ flags: text }) => text.replaceAll(/[<>]/g, '')))
    expect(flags.length).toBeGreaterThan(40)
    expect(lacking('commands.md', flags)).toEqual([])
    const variables = serverCommands.flatMap(({ settings }) => Object.values(settings).map(variableOf))
    expect(lacking('commands.md', variables)).toEqual([])
  })

  it('lists every metric that the sources name', () => {
    const named = literalsOf('src/telemetry')
      .map(({ text }) => text)
      .filter((text) => /^signet_[a-z_]+$/.test(text))
    expect(named.sort()).toEqual(
      metricsOf()
        .map(({ name }) => name)
        .sort(),
    )
    expect(lacking('metrics.md', named)).toEqual([])
  })

  it('lists every field of both kinds', () => {
    const fields = crdFiles.flatMap((file) =>
      readCrd(file).spec.versions.flatMap(({ schema }) => fieldsOf(schema.openAPIV3Schema)),
    )
    expect(fields.length).toBeGreaterThan(60)
    const paths = fields.map(({ path }) => path)
    expect(lacking('resources.md', paths)).toEqual([])
    const undescribed = fields.filter(({ schema }) => (schema.description ?? '') === '')
    expect(undescribed.map(({ path }) => path)).toEqual([])
  })

  it('lists every error code that src/ can throw, and no other', () => {
    const described = errorGroups.flatMap(({ codes }) => Object.keys(codes))
    expect(described.sort()).toEqual(codesInSource())
    expect(lacking('errors.md', described)).toEqual([])
  })

  it('lists every label and annotation that the sources, the chart and the CRDs name', () => {
    const known = metadataNames().map(({ name }) => name)
    const charts = ['charts/signet/templates', 'crds'].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((file) => /\.(ya?ml|tpl)$/.test(file))
        .flatMap((file) => [...read(`${folder}/${file}`).matchAll(/\bsignet\.dev\/[a-z][a-z-]+\b/g)]),
    )
    const sources = literalsOf('src').flatMap(({ text }) => (/^signet\.dev\/[a-z][a-z-]+$/.test(text) ? [text] : []))
    const named = new Set([...charts.map(([name]) => name), ...sources])
    expect(named.size).toBeGreaterThan(10)
    expect([...named].filter((name) => !known.includes(name) && !otherNames.has(name))).toEqual([])
    expect(lacking('labels-and-annotations.md', known)).toEqual([])
  })
})

/** Names of the form of a label that are none: an API version, types of Secrets, the reporter of Events. */
const otherNames = new Set([
  'signet.dev/v1alpha1',
  'signet.dev/identity',
  'signet.dev/key-ring',
  'signet.dev/certificate-authority',
  'signet.dev/controller',
  'signet.dev/token',
])
