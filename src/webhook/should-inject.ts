import { injectLabel } from '../identity/workload.ts'
import type { AdmissionRequest } from './admission-review.ts'
import { isRecord, member, textMember } from '../json.ts'

/** Set by kubelet on the mirror pods of static pods, which must not be changed. */
const mirrorAnnotation = 'kubernetes.io/config.mirror'

/** Namespaces whose pods are never injected: those of the cluster itself, and the operator's. */
export function excludedNamespaces(operatorNamespace: string): ReadonlySet<string> {
  return new Set(['kube-system', 'kube-public', 'kube-node-lease', operatorNamespace])
}

/** Why a pod is not injected, as one word; undefined if it is. */
export function reasonToSkip(request: AdmissionRequest, excluded: ReadonlySet<string>): string | undefined {
  const { operation, subResource, kind, namespace, object } = request
  if (operation !== 'CREATE') return 'operation'
  if (subResource !== '') return 'subresource'
  if (kind.group !== '' || kind.version !== 'v1' || kind.kind !== 'Pod') return 'kind'
  const metadata = member(object, 'metadata')
  if (textMember(member(metadata, 'labels'), injectLabel) !== 'true') return 'label'
  if (member(member(metadata, 'annotations'), mirrorAnnotation) !== undefined) return 'mirror'
  if (excluded.has(namespace)) return 'namespace'
  return isRecord(member(object, 'spec')) ? undefined : 'spec'
}
