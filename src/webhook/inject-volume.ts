import { identityNameOfSecret, volumeName } from '../identity/workload.ts'
import { InvalidPodError, listOf } from './invalid-pod.ts'
import { isRecord, member, textMember } from '../json.ts'
import type { PatchOperation } from './patch.ts'

/** Readable for every user in the pod. */
const fileMode = 0o444

/** The volume with the files of an identity's Secret. */
function volumeFor(secretName: string) {
  return {
    name: volumeName,
    projected: { sources: [{ secret: { name: secretName } }], defaultMode: fileMode },
  }
}

/**
 * The operations that give a pod the volume: none if it exists, a replacement if it is outdated. Throws an
 * InvalidPodError if another volume has the name.
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
        'rename your volume',
    )
  }
  if (secret === secretName && isInjected(present)) return []
  return [{ op: 'replace', path: `${pointer}/${index}`, value: volumeFor(secretName) }]
}

/** The Secret that a volume projects; undefined for a volume of another form. */
function secretOf(volume: unknown): string | undefined {
  const sources = member(member(volume, 'projected'), 'sources')
  if (!hasOnly(volume, ['name', 'projected']) || !Array.isArray(sources) || sources.length !== 1) return undefined
  const source: unknown = sources[0]
  return hasOnly(source, ['secret']) ? textMember(member(source, 'secret'), 'name') : undefined
}

/** Whether the volume has exactly the form of an injected one: all entries, required, and readable for everyone. */
function isInjected(volume: unknown): boolean {
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
