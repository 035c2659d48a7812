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

/** What a pod is given, as a patch; empty where nothing is missing. Warnings are bounded, see `boundWarnings`. */
interface Injection {
  readonly patch: readonly PatchOperation[]
  readonly warnings: readonly string[]
}

/** Why a pod cannot be given its identity, for the person who made the pod. */
interface Denial {
  readonly denied: string
}

/** What all pods have in common, and the namespace that this one is created in. */
export interface InjectionContext {
  /** The issuer of the cluster. */
  readonly issuer: string
  readonly issuerScope: IssuerScope
  /** The request's: a pod that is being created need not say it. */
  readonly namespace: string
}

const constants: readonly Variable[] = [
  Object.freeze({ name: 'SIGNET_DIR', value: mountPath }),
  Object.freeze({ name: 'SIGNET_TOKEN_FILE', value: `${mountPath}/${files.token}` }),
]

/** The variables that point a workload at its files and its issuer. */
export function variablesFor(issuer: string): readonly Variable[] {
  return [...constants, { name: 'SIGNET_ISSUER', value: issuer }]
}

/**
 * Gives a pod the volume with its identity, and every container mount and variables. A function of the pod and its
 * namespace alone: the Secret's name and the issuer follow from the account, so nothing is looked up, and the answer is
 * the same in every round. Only adds what is ours or replaces what is ours and stale; applied to its own result it has
 * nothing left to do.
 *
 * The pod is raw JSON, since fields that this version does not know must survive. It is not modified.
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
/** Far more than a node runs in one pod, and so few that patch and answer stay small. */
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

/** The API server has defaulted the account in; we say the same where it has not. */
function accountOf(spec: unknown): string {
  const named = member(spec, 'serviceAccountName') ?? ''
  if (typeof named !== 'string') throw new InvalidPodError('spec.serviceAccountName is not a text')
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

/** Tells people, and the controller's index of pods, whose identity the pod was given. Nothing trusts it. */
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

/** At most 3 warnings of at most 120 characters: what is over is counted in the last. */
function boundWarnings(warnings: readonly string[]): readonly string[] {
  const shown = warnings.length > mostWarnings ? warnings.slice(0, mostWarnings - 1) : warnings
  const bounded = shown.map((warning) =>
    warning.length > longestWarning ? `${warning.slice(0, longestWarning - 1)}…` : warning,
  )
  const hidden = warnings.length - shown.length
  return hidden === 0 ? bounded : [...bounded, `and ${hidden} more variables that containers keep`]
}
