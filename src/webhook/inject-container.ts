import { posix } from 'node:path'
import { mountPath, volumeName } from '../identity/workload.ts'
import { fieldOf, InvalidPodError, listOf, quoteName } from './invalid-pod.ts'
import { isRecord, member, textMember } from '../json.ts'
import type { PatchOperation } from './patch.ts'

/** An environment variable with a fixed value. */
export interface Variable {
  readonly name: string
  readonly value: string
}

interface ContainerInput {
  readonly container: unknown
  /** The container's JSON pointer (RFC 6901). */
  readonly path: string
  readonly variables: readonly Variable[]
  /** The values of an earlier injection for another account, which may be replaced. */
  readonly stale: readonly Variable[]
  /** Receives the operations. */
  readonly patch: PatchOperation[]
  /** Receives a warning for each variable that the container sets itself. */
  readonly warnings: string[]
}

/** Adds missing variables and the mount to a container. Throws an InvalidPodError. */
export function injectContainer(input: ContainerInput): void {
  if (!isRecord(input.container)) throw new InvalidPodError(`${fieldOf(input.path)} is not an object`)
  injectVariables(input)
  injectMount(input)
}

/**
 * Adds missing variables at the front, in order: `$(NAME)` expands only variables defined earlier. An existing variable
 * is kept as the user's, unless its value is of an earlier injection.
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
    // The last of several variables with one name applies.
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
const mounts = Object.freeze([mount])

/** Adds the mount, or replaces one that is writable or has a subPath: a subPath never sees renewed files. */
function injectMount({ container, path, patch }: ContainerInput): void {
  const pointer = `${path}/volumeMounts`
  const present = listOf(member(container, 'volumeMounts'), pointer)
  let mounted = false
  for (const [index, entry] of present.entries()) {
    const place = textMember(entry, 'mountPath')
    if (place === undefined || !coversMountPath(place)) continue
    if (member(entry, 'name') !== volumeName || normalized(place) !== mountPath) {
      throw reservedPath(container, `${pointer}/${index}/mountPath`, place)
    }
    mounted = true
    if (!isIntact(entry)) patch.push({ op: 'replace', path: `${pointer}/${index}`, value: mount })
  }
  refuseDevices(container, `${path}/volumeDevices`)
  if (present.length === 0) patch.push({ op: 'add', path: pointer, value: mounts })
  else if (!mounted) patch.push({ op: 'add', path: `${pointer}/-`, value: mount })
}

function refuseDevices(container: unknown, pointer: string): void {
  listOf(member(container, 'volumeDevices'), pointer).forEach((entry, index) => {
    const place = textMember(entry, 'devicePath')
    if (place !== undefined && coversMountPath(place))
      throw reservedPath(container, `${pointer}/${index}/devicePath`, place)
  })
}

/** Whether a mount covers Signet's mount path or lies within it, and would hide files. */
function coversMountPath(place: string): boolean {
  const path = normalized(place)
  return path === mountPath || path.startsWith(`${mountPath}/`)
}

/** The path as the container runtime resolves it: absolute, without `//`, `/./`, `..` and trailing slashes. */
function normalized(place: string): string {
  // A shortcut for most paths: every spelling of the mount path contains this text.
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

function reservedPath(container: unknown, pointer: string, place: string): InvalidPodError {
  return new InvalidPodError(
    `container ${quoteName(textMember(container, 'name'))} has another mount at ${quoteName(place)} ` +
      `(${fieldOf(pointer)}): ${mountPath} is reserved for the pod's identity, use another path`,
  )
}
