import { posix } from 'node:path'
import { mountPath, volumeName } from '../identity/workload.ts'
import { fieldOf, InvalidPodError, listOf, quoteName } from './invalid-pod.ts'
import { isRecord, member, textMember } from '../json.ts'
import type { PatchOperation } from './patch.ts'

/** A variable with a fixed value. */
export interface Variable {
  readonly name: string
  readonly value: string
}

interface ContainerInput {
  readonly container: unknown
  /** The container's JSON pointer. */
  readonly path: string
  readonly variables: readonly Variable[]
  /** Those that an earlier round gave for another account, which has been replaced since. */
  readonly stale: readonly Variable[]
  /** Takes the operations. */
  readonly patch: PatchOperation[]
  /** Takes what the user should know of a container that keeps something of its own. */
  readonly warnings: string[]
}

/** Gives one container the variables and the mount that it lacks. Throws InvalidPodError. */
export function injectContainer(input: ContainerInput): void {
  if (!isRecord(input.container)) throw new InvalidPodError(`${fieldOf(input.path)} is not an object`)
  injectVariables(input)
  injectMount(input)
}

/**
 * Missing variables go to the front, in their order, since only what is defined earlier expands in `$(NAME)`. One that
 * is there is the user's and stays, unless it is ours and stale.
 */
function injectVariables({ container, path, variables, stale, patch, warnings }: ContainerInput): void {
  const pointer = `${path}/env`
  const present = listOf(member(container, 'env'), pointer)
  if (present.length === 0) {
    patch.push({ op: 'add', path: pointer, value: variables })
    return
  }
  let added = 0
  for (const variable of variables) {
    // Of several of the same name the last one counts.
    const index = present.findLastIndex((own) => member(own, 'name') === variable.name)
    if (index === -1) {
      patch.push({ op: 'add', path: `${pointer}/${added}`, value: variable })
      added += 1
      continue
    }
    const value = member(present[index], 'value')
    if (value === variable.value) continue
    if (value !== undefined && value === stale.find(({ name }) => name === variable.name)?.value) {
      patch.push({ op: 'replace', path: `${pointer}/${index + added}`, value: variable })
    } else warnings.push(`container ${quoteName(textMember(container, 'name'))} keeps its own ${variable.name}`)
  }
}

const mount = Object.freeze({ name: volumeName, mountPath, readOnly: true })
const onlyOurMount = Object.freeze([mount])

/** Appends our mount, or sets it right where it is writable or of a part only: such a mount never sees a renewal. */
function injectMount({ container, path, patch }: ContainerInput): void {
  const pointer = `${path}/volumeMounts`
  const present = listOf(member(container, 'volumeMounts'), pointer)
  let mounted = false
  for (const [index, entry] of present.entries()) {
    const place = textMember(entry, 'mountPath')
    if (place === undefined || !reachesOurs(place)) continue
    if (member(entry, 'name') !== volumeName || normalized(place) !== mountPath) {
      throw taken(container, `${pointer}/${index}/mountPath`, place)
    }
    mounted = true
    if (!isIntact(entry)) patch.push({ op: 'replace', path: `${pointer}/${index}`, value: mount })
  }
  refuseDevices(container, `${path}/volumeDevices`)
  if (present.length === 0) patch.push({ op: 'add', path: pointer, value: onlyOurMount })
  else if (!mounted) patch.push({ op: 'add', path: `${pointer}/-`, value: mount })
}

function refuseDevices(container: unknown, pointer: string): void {
  listOf(member(container, 'volumeDevices'), pointer).forEach((entry, index) => {
    const place = textMember(entry, 'devicePath')
    if (place !== undefined && reachesOurs(place)) throw taken(container, `${pointer}/${index}/devicePath`, place)
  })
}

/** Whether a mount lies on ours or within it, where it would hide files. */
function reachesOurs(place: string): boolean {
  const path = normalized(place)
  return path === mountPath || path.startsWith(`${mountPath}/`)
}

/** The path as the container runtime understands it: absolute, without `//`, `/./`, `..` and trailing slashes. */
function normalized(place: string): string {
  // Most paths have nothing to do with ours, however they are written.
  return place.includes('signet.dev') ? posix.normalize(`/${place}/.`) : place
}

function isIntact(entry: unknown): boolean {
  return (
    member(entry, 'mountPath') === mountPath &&
    member(entry, 'readOnly') === true &&
    !member(entry, 'subPath') &&
    !member(entry, 'subPathExpr')
  )
}

function taken(container: unknown, pointer: string, place: string): InvalidPodError {
  return new InvalidPodError(
    `container ${quoteName(textMember(container, 'name'))} mounts something of its own at ${quoteName(place)} ` +
      `(${fieldOf(pointer)}): ${mountPath} is reserved for the pod's identity, use another path`,
  )
}
