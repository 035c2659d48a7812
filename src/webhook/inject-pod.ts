import { issuerOf, type IssuerScope } from '../identity/issuer.ts'
import {
  files,
  injectedAnnotation,
  maxIdentityNameLength,
  mountPath,
  skipContainersAnnotation,
  workloadSecretName,
} from '../identity/workload.ts'
import { injectContainer, type Variable } from './inject-container.ts'
import { injectVolume } from './inject-volume.ts'
import { InvalidPodError, listOf } from './invalid-pod.ts'
import { isRecord, member, textMember } from '../json.ts'
import { escapePointer, type PatchOperation } from './patch.ts'

/** The patch for a pod; empty if the pod is already injected. Warnings are limited, see `boundWarnings`. */
interface Injection {
  readonly patch: readonly PatchOperation[]
  readonly warnings: readonly string[]
}

/** Why a pod cannot be injected, for its creator. */
interface Denial {
  readonly denied: string
}

/** The settings of the installation, and the namespace of the pod. */
export interface InjectionContext {
  /** The issuer of the cluster. */
  readonly issuer: string
  readonly issuerScope: IssuerScope
  /** The namespace of the request: a pod being created need not contain it. */
  readonly namespace: string
}

const constants: readonly Variable[] = [
  Object.freeze({ name: 'SIGNET_DIR', value: mountPath }),
  Object.freeze({ name: 'SIGNET_TOKEN_FILE', value: `${mountPath}/${files.token}` }),
]

/** The variables with the location of a workload's files, and its issuer. */
export function variablesFor(issuer: string): readonly Variable[] {
  return [...constants, { name: 'SIGNET_ISSUER', value: issuer }]
}

/**
 * Adds the identity's volume to a pod, and the mount and variables to every container. Depends only on the pod and its
 * namespace: the Secret's name and the issuer follow from the account, so nothing is looked up and a repeated call
 * gives the same result. Only adds Signet's parts, or replaces outdated ones; applied to its own result it changes
 * nothing.
 *
 * The pod is raw JSON, so that fields unknown to this version survive. It is not modified.
 */
export function injectPod(pod: unknown, context: InjectionContext): Injection | Denial {
  try {
    return inject(pod, context)
  } catch (error) {
    if (error instanceof InvalidPodError) return { denied: error.message }
    throw error
  }
}

const containerFields = ['initContainers', 'containers'] as const
/** Far more than a node can run, and few enough to keep patch and response small. */
const mostContainers = 1000

function inject(pod: unknown, { issuer, issuerScope, namespace }: InjectionContext): Injection {
  const spec = member(pod, 'spec')
  const lists = containerFields.map((field) => listOf(member(spec, field), `/spec/${field}`))
  const count = lists.reduce((sum, { length }) => sum + length, 0)
  if (count > mostContainers) {
    throw new InvalidPodError(`pod has ${count} containers; Signet injects into at most ${mostContainers}`)
  }
  const account = accountOf(spec)
  const annotations = member(member(pod, 'metadata'), 'annotations')
  const skipped = skippedContainers(textMember(annotations, skipContainersAnnotation))
  const variablesOf = (name: string) => variablesFor(issuerOf(issuer, issuerScope, { namespace, name }))
  const variables = variablesOf(account)
  const injected = textMember(annotations, injectedAnnotation)
  const stale = injected === undefined || injected === account ? [] : variablesOf(injected)
  const patch = injectVolume(member(spec, 'volumes'), workloadSecretName(account))
  const warnings: string[] = []
  for (const [at, field] of containerFields.entries()) {
    lists[at]?.forEach((container, index) => {
      if (skipped?.has(textMember(container, 'name') ?? '')) return
      injectContainer({ container, path: `/spec/${field}/${index}`, variables, stale, patch, warnings })
    })
  }
  return { patch: [...patch, ...annotate(annotations, account)], warnings: boundWarnings(warnings) }
}

/** The pod's account. The API server defaults it before admission; this default is the same. */
function accountOf(spec: unknown): string {
  const named = member(spec, 'serviceAccountName') ?? ''
  if (typeof named !== 'string') throw new InvalidPodError('spec.serviceAccountName is not a string')
  if (named.length > maxIdentityNameLength) {
    throw new InvalidPodError(
      `spec.serviceAccountName has ${named.length} characters and an identity's name has at most ` +
        `${maxIdentityNameLength}: use a ServiceAccount with a shorter name`,
    )
  }
  return named === '' ? 'default' : named
}

function skippedContainers(list: string | undefined): ReadonlySet<string> | undefined {
  return list === undefined ? undefined : new Set(list.split(',').map((name) => name.trim()))
}

/** Records the account of the injection for users and the controller's index of pods. Never trusted. */
function annotate(annotations: unknown, account: string): PatchOperation[] {
  if (annotations === undefined || annotations === null) {
    return [{ op: 'add', path: '/metadata/annotations', value: { [injectedAnnotation]: account } }]
  }
  if (!isRecord(annotations)) throw new InvalidPodError('metadata.annotations is not an object')
  const present = member(annotations, injectedAnnotation)
  if (present === account) return []
  return [{ op: present === undefined ? 'add' : 'replace', path: annotationPointer, value: account }]
}

const annotationPointer = `/metadata/annotations/${escapePointer(injectedAnnotation)}`
const mostWarnings = 3
const longestWarning = 120

/** At most 3 warnings of at most 120 characters; the last one counts the rest. */
function boundWarnings(warnings: readonly string[]): readonly string[] {
  const shown = warnings.length > mostWarnings ? warnings.slice(0, mostWarnings - 1) : warnings
  const bounded = shown.map((warning) =>
    warning.length > longestWarning ? `${warning.slice(0, longestWarning - 1)}…` : warning,
  )
  const hidden = warnings.length - shown.length
  return hidden === 0 ? bounded : [...bounded, `and ${hidden} more variables that containers keep`]
}
