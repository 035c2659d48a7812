/**
 * Writes src/api/v1alpha1/types.ts and the chart's CRDs from those under crds/, which are the source of truth.
 * With `--check`, writes nothing and fails where a file is not up to date.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { load } from 'js-yaml'
import { type JSONSchema, compile } from 'json-schema-to-typescript'
import { writeChartCrds } from './generate-chart-crds.ts'

const crdDirectory = fileURLToPath(new URL('../crds', import.meta.url))
const typesFile = fileURLToPath(new URL('../src/api/v1alpha1/types.ts', import.meta.url))

/**
 * The CRDs, and the types to name in each by where their schema is; every other object stays anonymous inside its
 * parent. A name that an earlier CRD has given already stands for that type.
 */
const crds: readonly { readonly file: string; readonly names: Readonly<Record<string, string>> }[] = [
  {
    file: 'signet.dev_serviceidentities.yaml',
    names: {
      spec: 'ServiceIdentitySpec',
      'spec.tokens[]': 'TokenSpec',
      'spec.signingKey': 'SigningKeySpec',
      status: 'ServiceIdentityStatus',
      'status.conditions[]': 'Condition',
      'status.keys[]': 'KeyStatus',
      'status.tokens[]': 'TokenStatus',
    },
  },
  {
    file: 'signet.dev_tokenrevocations.yaml',
    names: { spec: 'TokenRevocationSpec', status: 'TokenRevocationStatus', 'status.conditions[]': 'Condition' },
  },
]

const banner = `// Generated from crds/ by scripts/generate-types.ts (npm run types). Change the CRD, not this file.
import type { apiVersion } from './group-version.ts'
import type { ObjectMeta } from './metadata.ts'
`

interface Crd {
  spec: { names: { kind: string }; versions: { schema: { openAPIV3Schema: Schema } }[] }
}

interface Schema {
  type?: string
  description?: string
  enum?: string[]
  required?: string[]
  properties?: Record<string, Schema>
  items?: Schema
  'x-kubernetes-preserve-unknown-fields'?: boolean
}

/** What has been named so far: the schema of each type, without its descriptions. */
type Named = Map<string, string>

/** The text of types.ts that belongs to the CRDs as they are. */
export async function generateTypes(): Promise<string> {
  const named: Named = new Map()
  const texts: string[] = []
  for (const { file, names } of crds) texts.push(await typesOf(file, names, named))
  return `${banner}\n${texts.join('\n')}`
}

async function typesOf(file: string, names: Readonly<Record<string, string>>, named: Named): Promise<string> {
  const crd = load(await readFile(join(crdDirectory, file), 'utf8')) as Crd
  const kind = crd.spec.names.kind
  const schema = crd.spec.versions[0]?.schema.openAPIV3Schema
  if (schema === undefined) throw new Error(`no version in crds/${file}`)

  const definitions: Record<string, JSONSchema> = {}
  const root = new Conversion(names, definitions, named).convert(schema, '')
  root.required = ['apiVersion', 'kind', 'metadata', 'spec']
  Object.assign(root.properties ?? {}, {
    apiVersion: { description: schema.properties?.['apiVersion']?.description, tsType: 'typeof apiVersion' },
    kind: { description: schema.properties?.['kind']?.description, tsType: `'${kind}'` },
    metadata: { description: 'Standard object metadata.', tsType: 'ObjectMeta' },
  })
  const text = await compile({ ...root, definitions }, kind, {
    additionalProperties: false,
    bannerComment: '',
    ignoreMinAndMaxItems: true,
    format: true,
    style: { semi: false, singleQuote: true, printWidth: 120 },
  })
  return `${text.trim()}\n`
}

/** JSON Schema of a structural schema: only what has a counterpart in a type, named types as definitions. */
class Conversion {
  readonly #names: Readonly<Record<string, string>>
  readonly #definitions: Record<string, JSONSchema>
  readonly #named: Named

  constructor(names: Readonly<Record<string, string>>, definitions: Record<string, JSONSchema>, named: Named) {
    this.#names = names
    this.#definitions = definitions
    this.#named = named
  }

  convert(schema: Schema, path: string): JSONSchema {
    const description = schema.description === undefined ? {} : { description: schema.description }
    if (schema['x-kubernetes-preserve-unknown-fields']) return { ...description, tsType: 'Record<string, unknown>' }
    const converted = { ...description, ...this.#typeOf(schema, path) }
    const name = this.#names[path]
    return name === undefined ? converted : this.#name(name, converted)
  }

  #name(name: string, converted: JSONSchema): JSONSchema {
    const form = JSON.stringify(converted, (key, value: unknown) => (key === 'description' ? undefined : value))
    const known = this.#named.get(name)
    if (known === form) return { tsType: name }
    if (known !== undefined) throw new Error(`two CRDs differ in the type ${name}`)
    this.#named.set(name, form)
    this.#definitions[name] = converted
    return { $ref: `#/definitions/${name}` }
  }

  #typeOf(schema: Schema, path: string): JSONSchema {
    if (schema.type === 'array') return { type: 'array', items: this.convert(schema.items ?? {}, `${path}[]`) }
    if (schema.type !== 'object') {
      return { type: schema.type as 'string', ...(schema.enum === undefined ? {} : { enum: schema.enum }) }
    }
    const prefix = path === '' ? '' : `${path}.`
    const properties = Object.entries(schema.properties ?? {}).map(
      ([name, property]) => [name, this.convert(property, `${prefix}${name}`)] as const,
    )
    return { type: 'object', properties: Object.fromEntries(properties), required: schema.required ?? [] }
  }
}

async function writeTypes(check: boolean): Promise<void> {
  const text = await generateTypes()
  if (!check) await writeFile(typesFile, text)
  else if ((await readFile(typesFile, 'utf8')) !== text) {
    console.error('src/api/v1alpha1/types.ts is not up to date with crds/: run npm run types')
    process.exitCode = 1
  }
}

if (import.meta.main) {
  const check = process.argv.includes('--check')
  await writeTypes(check)
  await writeChartCrds(check)
}
