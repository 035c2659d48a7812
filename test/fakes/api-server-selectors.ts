import type { KubeObject } from '../../src/kube/client/object.ts'

/** The requirements of a label selector: `a=b,c!=d,e in (f,g),h notin (i),j,!k`. */
export function matchesLabels(object: KubeObject, selector: string | undefined): boolean {
  const labels = object.metadata.labels ?? {}
  const requirements = (selector ?? '').split(/,(?![^(]*\))/).filter((text) => text.trim() !== '')
  return requirements.every((text) => matches(labels, text.trim()))
}

function matches(labels: Readonly<Record<string, string>>, requirement: string): boolean {
  const set = /^(\S+)\s+(in|notin)\s+\((.*)\)$/.exec(requirement)
  if (set !== null) {
    const [, key = '', operator, list = ''] = set
    const value = labels[key]
    const listed = value !== undefined && list.split(',').some((item) => item.trim() === value)
    return operator === 'in' ? listed : !listed
  }
  const [, key = '', operator, value] = /^([^=!]+)(==?|!=)(.*)$/.exec(requirement) ?? []
  if (operator === undefined)
    return requirement.startsWith('!') ? !(requirement.slice(1) in labels) : requirement in labels
  return operator === '!=' ? labels[key.trim()] !== value?.trim() : labels[key.trim()] === value?.trim()
}

/** `metadata.name=orders,type!=Opaque`: any path of the object. */
export function matchesFields(object: KubeObject, selector: string | undefined): boolean {
  return (selector ?? '').split(',').every((requirement) => {
    const [, path = '', operator, value = ''] = /^([^=!]+)(==?|!=)(.*)$/.exec(requirement) ?? []
    if (path === '') return true
    const found = path
      .split('.')
      .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], object)
    return ((found ?? '') === value) === (operator !== '!=')
  })
}
