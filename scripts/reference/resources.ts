import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { root } from '../run.ts'
import { code, page, section, table } from './markdown.ts'

interface Schema {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly string[]
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly format?: string
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly maxProperties?: number
  readonly 'x-kubernetes-int-or-string'?: boolean
  readonly 'x-kubernetes-list-map-keys'?: readonly string[]
  readonly 'x-kubernetes-validations'?: readonly { readonly message: string }[]
}

interface Crd {
  readonly spec: {
    readonly names: { readonly kind: string; readonly plural: string; readonly shortNames?: readonly string[] }
    readonly versions: readonly {
      readonly name: string
      readonly schema: { readonly openAPIV3Schema: Schema }
      readonly additionalPrinterColumns?: readonly {
        readonly name: string
        readonly description: string
        readonly priority?: number
      }[]
    }[]
  }
}

/** One field of a resource: its path as kubectl explain and errors write it. */
export interface Field {
  readonly path: string
  readonly schema: Schema
  readonly required: boolean
}

export const crdFiles = readdirSync(join(root, 'crds')).filter((file) => file.endsWith('.yaml'))

/** docs/reference/resources.md: every field of both kinds. */
export function resourcesPage(): string {
  return page(
    'Resources',
    'The fields of ServiceIdentity and TokenRevocation. `kubectl explain serviceidentity.spec` shows the same text.',
    '`crds/`',
    crdFiles.map((file) => kindSection(readCrd(file))),
  )
}

export function readCrd(file: string): Crd {
  return load(readFileSync(join(root, 'crds', file), 'utf8')) as Crd
}

function kindSection({ spec: { names, versions } }: Crd): string {
  const [version] = versions
  if (version === undefined) throw new Error(`no version of ${names.kind}`)
  const { name, schema, additionalPrinterColumns: columns = [] } = version
  const alias = names.shortNames === undefined ? '' : `, short name ${names.shortNames.map(code).join(', ')}`
  const fields = fieldsOf(schema.openAPIV3Schema).map(({ path, required, schema: field }) => [
    code(path) + (required ? ' (required)' : ''),
    typeOf(field),
    field.default === undefined ? '' : code(JSON.stringify(field.default)),
    validationOf(field),
    field.description ?? '',
  ])
  return section(
    names.kind,
    `\`signet.dev/${name}\`, \`${names.plural}\`${alias}. ${schema.openAPIV3Schema.description ?? ''}`,
    table(['Field', 'Type', 'Default', 'Validation', 'Description'], fields),
    `Columns of \`kubectl get ${names.plural}\`:`,
    table(
      ['Column', 'Shown', 'Description'],
      columns.map((column) => [
        column.name,
        (column.priority ?? 0) === 0 ? 'always' : 'with `-o wide`',
        column.description,
      ]),
    ),
  )
}

/** Every field below the root, in the order of the schema; `[]` after a list, as in `spec.tokens[].name`. */
export function fieldsOf(schema: Schema, prefix = ''): Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const path = `${prefix}${name}`
    const required = schema.required?.includes(name) === true
    const field = { path, schema: property, required }
    // Standard object metadata is not part of Signet.
    if (path === 'metadata') return []
    return [field, ...fieldsOf(property, `${path}.`), ...fieldsOf(property.items ?? {}, `${path}[].`)]
  })
}

function typeOf(schema: Schema): string {
  if (schema.type === 'array') return `list of ${typeOf(schema.items ?? {})}`
  if (schema['x-kubernetes-int-or-string'] === true) return 'any'
  return schema.format === undefined ? (schema.type ?? 'any') : `${schema.type ?? ''} (${schema.format})`
}

function validationOf(schema: Schema): string {
  const keys = schema['x-kubernetes-list-map-keys']
  const size = (least: number | undefined, most: number | undefined, what: string): string[] => {
    if (least === undefined && most === undefined) return []
    if (most === undefined) return [`at least ${least ?? 0} ${what}`]
    return [least === undefined ? `at most ${most} ${what}` : `${least} to ${most} ${what}`]
  }
  return [
    ...(schema.enum === undefined ? [] : [`one of ${schema.enum.map(code).join(', ')}`]),
    ...(schema.minimum === undefined ? [] : [`at least ${schema.minimum}`]),
    ...(schema.maximum === undefined ? [] : [`at most ${schema.maximum}`]),
    ...size(schema.minLength, schema.maxLength, 'characters'),
    ...size(schema.minItems, schema.maxItems, 'items'),
    ...size(undefined, schema.maxProperties, 'members'),
    ...(keys === undefined ? [] : [`unique ${keys.map(code).join(', ')}`]),
    ...(schema.pattern === undefined ? [] : [`matches ${code(schema.pattern)}`]),
    ...(schema['x-kubernetes-validations'] ?? []).map(({ message }) => `rejected: “${message}”`),
  ].join('; ')
}
