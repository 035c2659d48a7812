import { injectLabel } from '../identity/workload.ts'
import type { AdmissionRequest } from './admission-review.ts'
import { isRecord, member, textMember } from '../json.ts'

/** On pods that kubelet reports for its static ones; such a pod must not be changed. */
const mirrorAnnotation = 'kubernetes.io/config.mirror'

/** Namespaces whose pods are never touched: what the cluster itself needs, and the operator. */
export function excludedNamespaces(operatorNamespace: string): ReadonlySet<string> {
  return new Set(['kube-system', 'kube-public', 'kube-node-lease', operatorNamespace])
}

/** Why a request is none of ours, one word for the log; undefined where the pod asks for its identity. */
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
