import { renderChart } from '../chart/helm.ts'
import { startControlPlane } from '../../tools/cluster/control-plane.ts'
import { Kubectl } from './kubectl.ts'

/** A dry run that refuses unknown fields; `-f -` takes the object. */
export const dryRun = ['create', '--dry-run=server', '--validate=strict', '-f', '-']

/** A control plane that knows Signet's resources and has no webhook. */
export async function startWithCrd(): Promise<{ kubectl: Kubectl; stop: () => Promise<void> }> {
  const plane = await startControlPlane()
  const kubectl = await Kubectl.of(plane)
  await kubectl.apply((await renderChart()).filter(({ kind }) => kind === 'CustomResourceDefinition'))
  const crds = ['crd/serviceidentities.signet.dev', 'crd/tokenrevocations.signet.dev']
  await kubectl.run(['wait', '--for=condition=Established', ...crds, '--timeout=120s'])
  return { kubectl, stop: () => plane.stop() }
}

export function identity(spec: unknown, name = 'orders') {
  return { apiVersion: 'signet.dev/v1alpha1', kind: 'ServiceIdentity', metadata: { name, namespace: 'default' }, spec }
}

export function revocation(spec: unknown, name = 'leak') {
  return { apiVersion: 'signet.dev/v1alpha1', kind: 'TokenRevocation', metadata: { name, namespace: 'default' }, spec }
}

/** A spec with one token. */
export function token(fields: object) {
  return { tokens: [{ name: 'payments', ...fields }] }
}
