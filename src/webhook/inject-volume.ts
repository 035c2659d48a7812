import { identityNameOfSecret, volumeName } from '../identity/workload.ts'
import { InvalidPodError, listOf } from './invalid-pod.ts'
import { isRecord, member, textMember } from '../json.ts'
import type { PatchOperation } from './patch.ts'

/** Files that everyone in the pod may read, whatever user its processes run as: 0444. */
const fileMode = 0o444

/** The volume of a pod whose account's files are in this Secret. */
function volumeFor(secretName: string) {
  return {
    name: volumeName,
    projected: { sources: [{ secret: { name: secretName } }], defaultMode: fileMode },
  }
}

/**
 * What gives a pod our volume: nothing where it is there, a replacement where ours is stale. Throws InvalidPodError
 * where something else has its name.
 */
export function injectVolume(volumes: unknown, secretName: string): PatchOperation[] {
  const pointer = '/spec/volumes'
  const list = listOf(volumes, pointer)
  if (list.length === 0) return [{ op: 'add', path: pointer, value: [volumeFor(secretName)] }]
  const index = list.findIndex((volume) => member(volume, 'name') === volumeName)
  if (index === -1) return [{ op: 'add', path: `${pointer}/-`, value: volumeFor(secretName) }]
  const present = list[index]
  const secret = secretOf(present)
  if (secret === undefined || identityNameOfSecret(secret) === undefined) {
    throw new InvalidPodError(
      `spec.volumes[${index}] has the name "${volumeName}", which is reserved for the volume with the pod's identity: ` +
        'rename yours',
    )
  }
  if (secret === secretName && isExactlyOurs(present)) return []
  return [{ op: 'replace', path: `${pointer}/${index}`, value: volumeFor(secretName) }]
}

/** The one Secret that a volume projects; undefined for every volume of another form. */
function secretOf(volume: unknown): string | undefined {
  const sources = member(member(volume, 'projected'), 'sources')
  if (!hasOnly(volume, ['name', 'projected']) || !Array.isArray(sources) || sources.length !== 1) return undefined
  const source: unknown = sources[0]
  return hasOnly(source, ['secret']) ? textMember(member(source, 'secret'), 'name') : undefined
}

/** Whether a volume that projects one Secret does so as ours does: all entries, required, and readable by all. */
function isExactlyOurs(volume: unknown): boolean {
  const projected = member(volume, 'projected')
  const [source] = member(projected, 'sources') as readonly unknown[]
  return (
    hasOnly(projected, ['sources', 'defaultMode']) &&
    member(projected, 'defaultMode') === fileMode &&
    hasOnly(member(source, 'secret'), ['name'])
  )
}

function hasOnly(value: unknown, names: readonly string[]): boolean {
  return isRecord(value) && Object.keys(value).every((name) => names.includes(name))
}
