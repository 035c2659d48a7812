import { components } from '../../src/api/v1alpha1/metadata.ts'
import { code, page, section, table } from './markdown.ts'
import { literalsOf } from './source-names.ts'

/** A label or annotation that Signet reads or writes. */
export interface MetadataName {
  readonly name: string
  readonly kind: 'label' | 'annotation'
  readonly description: string
}

/** Labels that only the chart reads, in the selectors of the webhook and of the admission policies. */
const chartLabels: readonly MetadataName[] = [
  {
    name: 'signet.dev/injection',
    kind: 'label',
    description: 'On a Namespace: `disabled` turns injection off for the pods of the namespace.',
  },
]

/** The constants of src/ named `…Label` or `…Annotation`; a constant without a comment throws. */
export function metadataNames(): MetadataName[] {
  const named = literalsOf('src').flatMap(({ text, constant, comment, file }) => {
    const kind = /(Label|Annotation)$/.exec(constant ?? '')?.[1]
    if (kind === undefined || !text.includes('/')) return []
    if (comment === undefined) throw new Error(`${file}: ${constant ?? ''} has no documentation comment`)
    const one: MetadataName = { name: text, kind: kind === 'Label' ? 'label' : 'annotation', description: comment }
    return [one]
  })
  return [...named, ...chartLabels].sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** docs/reference/labels-and-annotations.md. */
export function labelsPage(): string {
  const names = metadataNames()
  const list = (kind: MetadataName['kind'], setter: string): string => {
    const listed = names.filter((one) => one.kind === kind && setterOf(one.name) === setter)
    return table(
      ['Name', 'Description'],
      listed.map(({ name, description }) => [code(name), description]),
    )
  }
  return page(
    'Labels and annotations',
    'The labels and annotations that Signet reads and writes.',
    '`src/identity/workload.ts` and `src/api/v1alpha1/metadata.ts`',
    [
      section('Labels that you set', list('label', 'user')),
      section('Annotations that you set', list('annotation', 'user')),
      section(
        'Labels that Signet sets',
        list('label', 'Signet'),
        `The components: ${Object.values(components).map(code).join(', ')}.`,
      ),
      section('Annotations that Signet sets', list('annotation', 'Signet')),
      section('Annotations that kubelet sets and Signet reads', list('annotation', 'kubelet')),
    ],
  )
}

function setterOf(name: string): 'user' | 'kubelet' | 'Signet' {
  if (setByUsers.has(name)) return 'user'
  return name === 'kubernetes.io/config.mirror' ? 'kubelet' : 'Signet'
}

const setByUsers = new Set([
  'signet.dev/inject',
  'signet.dev/injection',
  'signet.dev/skip-containers',
  'signet.dev/rotate-key',
  'signet.dev/revoke-key',
])
